import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod';
import { nearest } from '../ingestion/contract/nearest.ts';
import { oneOf, type PlanName } from '../ingestion/contract/settings.ts';
import { show } from '../ingestion/contract/show.ts';
import { UNIVERSE_FILE } from '../ingestion/contract/universe-schema.ts';
import { type DATABASE_INSTANCES, StageSettings, stageSettingsJsonSchema } from './stage-settings.ts';

export type StageName = 'dev' | 'staging' | 'prod';

/** What is deployed. `StageSettings` says where each value comes from. */
export type StackConfig = {
  readonly stage: StageName;
  /** The stage, and the deployment's own name where it has one: `dev`, `dev-alice`. Metrics and logs are told apart by it. */
  readonly deployment: string;
  /** Appended to every name: the stage where it isn't prod, and the deployment's own name. `-dev`, `-dev-alice`, or nothing. */
  readonly suffix: string;
  /** When runs are queued, in UTC. Null: only by hand. */
  readonly schedule: { readonly expression: string; readonly longestIntervalMinutes: number } | null;
  readonly alarmMails: readonly string[];
  /** Name or ARN of the secret with the address that alarms are posted to. Undefined: none. */
  readonly alarmWebhookSecretName: string | undefined;
  /** Where the repository is, for links to the runbook. Undefined: they are paths in it. */
  readonly repositoryUrl: string | undefined;
  readonly network: 'nat-gateway' | 'nat-instance';
  readonly coingecko: {
    /** Undefined: demo if there is a key, else public. */
    readonly plan?: PlanName | undefined;
    readonly baseUrl?: string | undefined;
    readonly requestsPerMinute?: number | undefined;
    readonly monthlyCredits?: number | undefined;
    readonly historyDays?: number | undefined;
    readonly crossRates?: 'on' | 'off' | undefined;
    readonly latestPrices?: 'on' | 'off' | undefined;
  };
  /** The file of coins and currencies that is deployed with the functions. */
  readonly universeFile: string;
  readonly database: {
    readonly instance: keyof typeof DATABASE_INSTANCES;
    readonly storageGib: number;
    readonly backupDays: number;
    /** Who may reach the port, besides this stack's own functions. */
    readonly clientSecurityGroups: readonly string[];
    readonly clientCidrs: readonly string[];
  };
  /** How long a message stays hidden from other workers. A crashed worker's run waits this long. */
  readonly visibilityMinutes: number;
  readonly logRetentionDays: number;
  /** Whether the data survives a mistake: deletion protection, a last snapshot, a stack that can't be deleted. */
  readonly isProtected: boolean;
  /** What holds for this deploy alone, and what the next one makes of it, a sentence each by the setting's name. */
  readonly overrides: Readonly<Record<string, string>>;
};

/** @returns what a stage's settings file holds. */
export type SettingsReader = (stage: StageName) => Readonly<Record<string, unknown>>;

/** Wrong settings. The message has one line for each of them. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

type SettingName = Exclude<keyof typeof StageSettings.shape, '$schema'>;
const SETTING_NAMES = Object.keys(StageSettings.shape).filter((name) => name !== '$schema') as [
  SettingName,
  ...SettingName[],
];

const Stage = oneOf(['dev', 'staging', 'prod']);

/** @returns the settings file of a stage, by its path in the repository. */
export const stageFile = (stage: StageName): string => `stages/${stage}.json`;

/** @throws ConfigError where there is no such file, or no JSON object in it. */
function readStageFile(stage: StageName): Record<string, unknown> {
  try {
    const text = readFileSync(fileURLToPath(new URL(`../${stageFile(stage)}`, import.meta.url)), 'utf8');
    return z.record(z.string(), z.unknown(), 'it holds no JSON object').parse(JSON.parse(text));
  } catch (error) {
    const reason = error instanceof z.ZodError ? error.issues[0]?.message : (error as Error).message;
    throw new ConfigError(
      `${stageFile(stage)} can't be used: ${reason}. Correct it; git restore ${stageFile(stage)} undoes all changes to it.`,
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
  context: Readonly<Record<string, unknown>>,
  environment: Readonly<Record<string, string | undefined>>,
  readFile: SettingsReader = readStageFile,
): StackConfig {
  const stage = readStage(context);
  const file = readFile(stage);
  const given = Object.fromEntries([
    // The program's own setting counts here too, so that a deploy and a local run use the same file.
    ...(environment['UNIVERSE'] ? [['universe', environment['UNIVERSE']]] : []),
    ...SETTING_NAMES.flatMap((name) => (context[name] === undefined ? [] : [[name, context[name]]])),
  ]) as Partial<Record<SettingName, unknown>>;
  const merged = { ...file, ...given };
  const parsed = StageSettings.safeParse(merged);
  const problems = [
    ...unknownSettings(context, file, stage),
    ...(parsed.error ? wrongSettings(parsed.error, merged, stage) : []),
    ...(stage === 'prod' && parsed.data?.alarmMails.length === 0 ? [NOBODY_IS_TOLD] : []),
  ];
  if (problems.length > 0 || !parsed.data) throw new ConfigError(problems.join('\n'));

  const { data: settings } = parsed;
  const name = settings.name === undefined ? '' : `-${settings.name}`;
  return {
    stage,
    deployment: `${stage}${name}`,
    suffix: `${stage === 'prod' ? '' : `-${stage}`}${name}`,
    schedule: settings.schedule,
    alarmMails: settings.alarmMails === 'none' ? [] : settings.alarmMails,
    alarmWebhookSecretName: settings.alarmWebhookSecretName,
    repositoryUrl: settings.repositoryUrl,
    network: settings.network,
    coingecko: {
      plan: settings.coingeckoPlan,
      baseUrl: settings.coingeckoBaseUrl,
      requestsPerMinute: settings.coingeckoRequestsPerMinute,
      monthlyCredits: settings.coingeckoMonthlyCredits,
      historyDays: settings.coingeckoHistoryDays,
      crossRates: settings.coingeckoCrossRates,
      latestPrices: settings.latestPrices,
    },
    universeFile: settings.universe ?? fileURLToPath(UNIVERSE_FILE),
    database: {
      instance: settings.databaseInstance,
      storageGib: settings.databaseStorageGib,
      backupDays: settings.databaseBackupDays,
      clientSecurityGroups: settings.databaseClientSecurityGroups,
      clientCidrs: settings.databaseClientCidrs,
    },
    visibilityMinutes: settings.visibilityMinutes,
    logRetentionDays: settings.logRetentionDays,
    isProtected: stage === 'prod',
    overrides: overridesIn(given, file, stage),
  };
}

function readStage({ stage = 'prod' }: Readonly<Record<string, unknown>>): StageName {
  const parsed = Stage.safeParse(stage);
  if (parsed.success) return parsed.data;
  throw new ConfigError(`stage is ${show(stage)}; it takes ${Stage.description}. Choose it with -c stage=….`);
}

const NOBODY_IS_TOLD =
  `alarmMails is empty, and in production somebody must be told when prices are missing. Put "alarmMails": ` +
  `["you@example.com"] into ${stageFile('prod')}, or "alarmMails": "none" if nobody shall be told.`;

function wrongSettings(
  { issues }: z.ZodError,
  found: Readonly<Record<string, unknown>>,
  stage: StageName,
): readonly string[] {
  const byName = Map.groupBy(
    issues.filter(({ path }) => path.length > 0),
    ({ path }) => String(path[0]),
  );
  return [...byName].map(([name, wrong]) => {
    const takes = [...new Set(wrong.map(({ message }) => message))].join('; ');
    const is = found[name] === undefined ? 'is missing' : `is ${show(found[name])}`;
    return `${name} ${is}; it takes ${takes}. Set it in ${stageFile(stage)}, or for one deploy with -c ${name}=….`;
  });
}

/** A misspelt setting must not be ignored. Unlike ours, CDK's own context names have characters other than letters. */
function unknownSettings(
  context: Readonly<Record<string, unknown>>,
  file: Readonly<Record<string, unknown>>,
  stage: StageName,
): readonly string[] {
  const refusal = (unknown: string, place: string): string => {
    const meant = nearest(unknown, SETTING_NAMES);
    const takes = stageSettingsJsonSchema().properties?.[meant] as { description: string };
    return `${unknown} (${place}) is no setting; did you mean ${meant}? It takes ${takes.description}. The settings are ${SETTING_NAMES.join(', ')}.`;
  };
  const known: readonly string[] = SETTING_NAMES;
  return [
    ...Object.keys(context)
      .filter((name) => /^[A-Za-z]+$/.test(name) && name !== 'stage' && !known.includes(name))
      .map((name) => refusal(name, `-c ${name}=…`)),
    ...Object.keys(file)
      .filter((name) => name !== '$schema' && !known.includes(name))
      .map((name) => refusal(name, stageFile(stage))),
  ];
}

/** A setting that is given as the file has it is none. */
function overridesIn(
  given: Readonly<Partial<Record<SettingName, unknown>>>,
  file: Readonly<Record<string, unknown>>,
  stage: StageName,
): Readonly<Record<string, string>> {
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
