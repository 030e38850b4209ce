import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod';
import { oneOf } from '../ingestion/contract/settings.ts';
import { show } from '../ingestion/contract/show.ts';
import { nearest, UNIVERSE_FILE } from '../ingestion/contract/universe-schema.ts';
import { StageSettings, stageSettingsJsonSchema } from './stage-settings.ts';

const Stage = oneOf(['dev', 'staging', 'prod']);
export type StageName = z.output<typeof Stage>;

type Settings = Omit<z.output<typeof StageSettings>, '$schema' | 'alarmMails' | 'universe'>;

/** What is deployed: the settings of a stage, and what follows from them. */
export type StackConfig = Settings & {
  readonly stage: StageName;
  /** The stage, and the deployment's own name where it has one: `dev`, `dev-alice`. Metrics and logs are told apart by it. */
  readonly deployment: string;
  /** Appended to every name: the stage where it isn't prod, and the deployment's own name. `-dev`, `-dev-alice`, or nothing. */
  readonly suffix: string;
  readonly alarmMails: readonly string[];
  /** The file of coins and currencies that is deployed with the functions. */
  readonly universeFile: string;
  /** Whether the data survives a mistake: deletion protection, a last snapshot, a stack that can't be deleted. */
  readonly isProtected: boolean;
  /** What holds for this deploy alone, and what the next one makes of it, a sentence each by the setting's name. */
  readonly overrides: Readonly<Record<string, string>>;
};

/** @returns the name of a resource of this stack. Names are fixed, so that the runbook can use them. */
export const resourceName = ({ suffix }: StackConfig, name: string): string => `crypto-prices-${name}${suffix}`;

export const stackName = ({ suffix }: StackConfig): string => `CryptoPrices${suffix}`;

type Values = Readonly<Record<string, unknown>>;

/** Wrong settings. The message has one line for each of them. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const { $schema: _, ...SHAPE } = StageSettings.shape;
type SettingName = keyof typeof SHAPE;
const SETTING_NAMES = Object.keys(SHAPE) as [SettingName, ...SettingName[]];

/** @returns the settings file of a stage, by its path in the repository. */
export const stageFile = (stage: StageName): string => `stages/${stage}.json`;

/** @throws ConfigError where there is no such file, or no JSON object in it. */
function readStageFile(stage: StageName): Values {
  const file = stageFile(stage);
  try {
    const text = readFileSync(fileURLToPath(new URL(`../${file}`, import.meta.url)), 'utf8');
    return z.record(z.string(), z.unknown(), 'it holds no JSON object').parse(JSON.parse(text));
  } catch (error) {
    const reason = error instanceof z.ZodError ? error.issues[0]?.message : (error as Error).message;
    throw new ConfigError(
      `${file} can't be used: ${reason}. Correct it; git restore ${file} undoes all changes to it.`,
    );
  }
}

/**
 * Reads the settings of a stage from its file. What `-c name=value` gives wins over it, and is told in `overrides`.
 * @param context what `-c name=value` gives, and `stage`; without one it is prod.
 * @param environment may name another universe, as for the local command.
 * @throws ConfigError naming every setting that is wrong, missing or unknown, what was found, and what it takes.
 */
export function readConfig(
  context: Values,
  environment: Readonly<Record<string, string | undefined>>,
  readFile = readStageFile,
): StackConfig {
  const stage = readStage(context);
  const file = readFile(stage);
  const given = Object.fromEntries([
    // The program's own setting counts here too, so that a deploy and a local run use the same file.
    ...(environment['UNIVERSE'] ? [['universe', environment['UNIVERSE']]] : []),
    ...SETTING_NAMES.flatMap((name) => (context[name] === undefined ? [] : [[name, context[name]]])),
  ]) as Values;
  const merged = { ...file, ...given };
  const { data, error } = StageSettings.safeParse(merged);
  const problems = [
    ...unknownSettings(context, file, stage),
    ...(error ? wrongSettings(error, merged, stage) : []),
    ...(data?.region && data.availabilityZones?.some((zone) => zone.slice(0, -1) !== data.region)
      ? [`availabilityZones are not all in the region ${data.region}: correct either in ${stageFile(stage)}.`]
      : []),
    ...(data?.monthlyBudget && (data.alarmMails.length === 0 || data.alarmMails === 'none')
      ? [`monthlyBudget tells nobody: put addresses into alarmMails in ${stageFile(stage)}.`]
      : []),
    ...(stage === 'prod' && data?.alarmMails.length === 0 ? [NOBODY_IS_TOLD] : []),
  ];
  if (problems.length > 0 || !data) throw new ConfigError(problems.join('\n'));

  const { $schema: _, alarmMails, universe, ...settings } = data;
  const name = settings.name === undefined ? '' : `-${settings.name}`;
  return {
    ...settings,
    stage,
    deployment: `${stage}${name}`,
    suffix: `${stage === 'prod' ? '' : `-${stage}`}${name}`,
    alarmMails: alarmMails === 'none' ? [] : alarmMails,
    universeFile: universe ?? fileURLToPath(UNIVERSE_FILE),
    isProtected: stage === 'prod',
    overrides: overridesIn(given, file, stage),
  };
}

function readStage({ stage = 'prod' }: Values): StageName {
  const parsed = Stage.safeParse(stage);
  if (parsed.success) return parsed.data;
  throw new ConfigError(`stage is ${show(stage)}; it takes ${Stage.description}. Choose it with -c stage=….`);
}

const NOBODY_IS_TOLD =
  `alarmMails is empty, and in production somebody must be told when prices are missing. Put "alarmMails": ` +
  `["you@example.com"] into ${stageFile('prod')}, or "alarmMails": "none" if nobody should be told.`;

function wrongSettings({ issues }: z.ZodError, found: Values, stage: StageName): readonly string[] {
  const named = issues.filter(({ path }) => path.length > 0);
  return [...Map.groupBy(named, ({ path }) => String(path[0]))].map(([name, wrong]) => {
    const takes = [...new Set(wrong.map(({ message }) => message))].join('; ');
    const is = found[name] === undefined ? 'is missing' : `is ${show(found[name])}`;
    return `${name} ${is}; it takes ${takes}. Set it in ${stageFile(stage)}, or for one deploy with -c ${name}=….`;
  });
}

/** A misspelt setting must not be ignored. Unlike ours, CDK's own context names have characters other than letters. */
function unknownSettings(context: Values, file: Values, stage: StageName): readonly string[] {
  const places = [
    ...Object.keys(context)
      .filter((name) => /^[A-Za-z]+$/.test(name) && name !== 'stage')
      .map((name) => ({ name, place: `-c ${name}=…` })),
    ...Object.keys(file).map((name) => ({ name, place: stageFile(stage) })),
  ];
  return places
    .filter(({ name }) => !(name in StageSettings.shape))
    .map(({ name, place }) => {
      const meant = nearest(name, SETTING_NAMES);
      const takes = stageSettingsJsonSchema().properties?.[meant] as { description: string };
      return `Unknown setting ${name} (${place}); did you mean ${meant}? It takes ${takes.description}. The settings are ${SETTING_NAMES.join(', ')}.`;
    });
}

/** A setting that is given as the file has it is none. */
function overridesIn(given: Values, file: Values, stage: StageName): Readonly<Record<string, string>> {
  const overrides: Partial<Record<SettingName, string>> = {};
  for (const name of SETTING_NAMES.filter((one) => one in given)) {
    const schema: z.ZodType = StageSettings.shape[name];
    const otherwise = schema.safeParse(file[name]);
    if (otherwise.success && isDeepStrictEqual(schema.parse(given[name]), otherwise.data)) continue;
    const undone = whatFollows(otherwise, file[name], stage === 'prod' && name === 'alarmMails');
    overrides[name] =
      name === 'name'
        ? ANOTHER_DEPLOYMENT
        : `${name} is ${show(given[name])} for this deploy alone: the next one without it ${undone}. To keep it, set it in ${stageFile(stage)}.`;
  }
  return overrides;
}

function whatFollows({ success, data }: z.ZodSafeParseResult<unknown>, inFile: unknown, isListNeeded: boolean): string {
  if (!success || (isListNeeded && isDeepStrictEqual(data, []))) return 'is refused';
  const next = inFile ?? data;
  return next === undefined ? 'leaves it unset' : `goes back to ${show(next)}`;
}

const ANOTHER_DEPLOYMENT =
  'With -c name=… this is another deployment than without it: give it with every command about this one, or set it in the settings file.';
