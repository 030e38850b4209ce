import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { show } from '../../ingestion/contract/show.ts';
import { ConfigError, readConfig, stackName } from '../../lib/stage-config.ts';
import { StageSettings, stageSettingsJsonSchema } from '../../lib/stage-settings.ts';
import { writeUniverse } from '../support/universe.ts';
import { configOf, DEPLOYMENTS, LONGEST_REPOSITORY, STAGE_SETTINGS, STAGES } from './deployments.ts';

const BITCOIN = {
  coins: [{ id: 'bitcoin', symbol: 'btc', name: 'Bitcoin' }],
  currencies: [{ code: 'usd', name: 'US dollar' }],
};

const WRONG_UNIVERSE = writeUniverse({ ...BITCOIN, currencies: [{ code: 'USD', name: 'US dollar' }] });

/** @returns the message that refuses the settings. */
function refusal(context: Record<string, unknown>, file?: Record<string, unknown>): string {
  try {
    readConfig(context, {}, (stage) => file ?? STAGE_SETTINGS[stage]);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error('The settings were taken.');
}

describe('the settings files', () => {
  test.each(STAGES)('stages/%s.json holds what the schema takes, and names it for editors', (stage) => {
    const file = JSON.parse(readFileSync(`stages/${stage}.json`, 'utf8'));
    expect(StageSettings.safeParse(file).error).toBeUndefined();
    expect(file.$schema).toBe('./schema.json');
  });

  test('stages/schema.json is the JSON schema of the one that the app reads them with', () => {
    const isNew =
      readFileSync('stages/schema.json', 'utf8') === `${JSON.stringify(stageSettingsJsonSchema(), null, 2)}\n`;
    expect(isNew || 'The settings changed: "npm run settings-schema && git diff stages" shows it.').toBe(true);
  });

  test('the JSON schema tells editors what each setting is for and what it takes, and refuses others', () => {
    const { properties = {}, additionalProperties } = stageSettingsJsonSchema();
    for (const [name, property] of Object.entries(properties).filter(([name]) => name !== '$schema'))
      expect({ name, ...(property as object) }).toMatchObject({
        title: expect.any(String),
        description: expect.any(String),
      });
    expect(additionalProperties).toBe(false);
  });

  test('are found wherever the app is started from', () => {
    const there = process.cwd();
    process.chdir('/');
    try {
      expect(readConfig({ stage: 'dev' }, {}).stage).toBe('dev');
    } finally {
      process.chdir(there);
    }
  });

  test('what only a file can have wrong is refused with its name', () => {
    expect(refusal({ stage: 'dev' }, { ...STAGE_SETTINGS.dev, alarmMail: 'a@example.com' })).toContain(
      'Unknown setting alarmMail (stages/dev.json); did you mean alarmMails?',
    );
    expect(refusal({ stage: 'dev' }, {}).split('\n')).toEqual([
      expect.stringMatching(/^schedule is missing; it takes rate.*Set it in stages\/dev\.json, or/),
      expect.stringMatching(/^network is missing; it takes nat-gateway or nat-instance\. Set it in/),
      expect.stringMatching(/^databaseBackupDays is missing; /),
      expect.stringMatching(/^logRetentionDays is missing; /),
    ]);
  });
});

test.each([
  [{}, { stage: 'prod', suffix: '', network: 'nat-gateway', isProtected: true }],
  [{ stage: 'staging' }, { suffix: '-staging', network: 'nat-instance', isProtected: false }],
  [{ stage: 'dev' }, { suffix: '-dev', schedule: null, alarmMails: [], isProtected: false }],
])('with %j a deploy is %j', (context, expected) => {
  expect(configOf(context)).toMatchObject(expected);
});

describe('overrides', () => {
  test('every setting can come from the context, as text', () => {
    const universe = writeUniverse(BITCOIN);
    const {
      alarms,
      tags,
      alarmMails,
      availabilityZones,
      databaseClientCidrs,
      databaseClientSecurityGroups,
      ...custom
    } = DEPLOYMENTS.custom;
    const texts = {
      ...custom,
      ...{ schedule: 'rate(6 hours)', visibilityMinutes: '30', logRetentionDays: '7' },
      ...{ name: 'alice', repositoryUrl: LONGEST_REPOSITORY },
    };
    const lists = { availabilityZones, alarmMails, databaseClientCidrs, databaseClientSecurityGroups };
    const config = configOf({ ...texts, ...lists, universe, alarms, tags });
    const parsed = (text: string) => (/^\d{1,10}$/.test(text) ? Number(text) : text);
    expect(config).toEqual({
      ...Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, parsed(text)])),
      ...Object.fromEntries(Object.entries(lists).map(([name, text]) => [name, text.split(/, */)])),
      ...{ stage: 'prod', deployment: 'prod-alice', suffix: '-alice', isProtected: true, universeFile: universe },
      ...{ alarms: { 'message-old': 21_600, 'worker-slow': 'off' }, tags: { team: 'data' } },
      schedule: { expression: 'rate(6 hours)', longestIntervalMinutes: 360 },
      overrides: expect.any(Object),
    });
    expect(Object.keys(config.overrides)).toHaveLength(Object.keys({ ...texts, ...lists }).length + 3);
  });

  test('each tells what the next deploy without it undoes', () => {
    const { overrides } = configOf({
      stage: 'staging',
      network: 'nat-gateway',
      databaseInstance: 't4g.small',
      coingeckoPlan: 'paid',
    });
    expect(overrides).toEqual({
      network:
        'network is "nat-gateway" for this deploy alone: the next one without it goes back to "nat-instance". To keep it, set it in stages/staging.json.',
      databaseInstance: expect.stringContaining('the next one without it goes back to "t4g.micro"'),
      coingeckoPlan: expect.stringContaining('the next one without it leaves it unset'),
    });
  });

  test('where the file alone would be refused, so is the next deploy', () => {
    const { alarmMails: _, schedule: __, ...file } = STAGE_SETTINGS.prod;
    const { overrides } = readConfig({ alarmMails: 'a@example.com', schedule: 'none' }, {}, () => file);
    for (const name of ['alarmMails', 'schedule'])
      expect(overrides[name]).toContain('the next one without it is refused. To keep it, set it in stages/prod.json');
  });

  test('one that says what the file says is none', () => {
    expect(configOf({ stage: 'staging', databaseBackupDays: '1', alarmMails: '' }).overrides).toEqual({});
  });

  test('the universe may come from the environment, as for the local command, and is told too', () => {
    const universe = writeUniverse(BITCOIN);
    const config = readConfig({ stage: 'dev' }, { UNIVERSE: universe }, (stage) => STAGE_SETTINGS[stage]);
    expect(config.universeFile).toBe(universe);
    expect(Object.keys(config.overrides)).toEqual(['universe']);
  });
});

describe('who is told of alarms', () => {
  const { alarmMails: _, ...undecided } = STAGE_SETTINGS.prod;

  test.each([[undecided], [{ ...undecided, alarmMails: [] }]])(
    'production is refused until its file says it: %j',
    (file) => {
      const message = refusal({}, file);
      expect(message).toMatch(/^alarmMails is empty, and in production somebody must be told/);
      expect(message).toContain('Put "alarmMails": ["you@example.com"] into stages/prod.json, or "alarmMails": "none"');
    },
  );

  test('none is an answer', () => {
    expect(readConfig({}, {}, () => ({ ...undecided, alarmMails: 'none' })).alarmMails).toEqual([]);
    expect(readConfig({ alarmMails: 'none' }, {}, () => undecided).alarmMails).toEqual([]);
  });
});

test.each([
  [{ stage: 'dev', name: 'alice' }, '-dev-alice', 'dev-alice'],
  [{ name: 'eu' }, '-eu', 'prod-eu'],
])('a second deployment of a stage has names of its own: %j', (settings, suffix, deployment) => {
  const config = configOf(settings);
  expect(config).toMatchObject({ suffix, deployment });
  expect(stackName(config)).toBe(`CryptoPrices${suffix}`);
  expect(config.overrides).toEqual({
    name: expect.stringContaining('another deployment than without it: give it with every command'),
  });
});

describe('refusals', () => {
  test.each([
    ['name', 'Alice', 'at most 16 small letters, digits and single hyphens'],
    ['name', 'dev-alice', 'not with the name of a stage'],
    ['name', 'seventeen-letters', 'at most 16'],
    ['schedule', 'every day', 'a schedule, or none: "every day" is no schedule'],
    ['schedule', 'cron(0 2 30 2 ? *)', 'is never due'],
    ['schedule', 'cron(0 2 L * ? *)', 'at most 166 hours between runs'],
    ['schedule', 'rate(7 days)', 'at most 166 hours between runs'],
    ['alarmMails', 'a@example.com,bob', 'mail addresses, such as you@example.com'],
    ['alarmWebhookSecretName', 'https://hooks.slack.com/a/x', 'the name or the whole ARN of a secret'],
    ['alarmWebhookSecretName', 'arn:aws:secret:hook', 'the whole ARN'],
    ['repositoryUrl', 'http://github.com/you/prices', 'an https address of at most 100 characters'],
    ['repositoryUrl', 'https://github.com/you/prices/', 'an https address of at most 100 characters'],
    ['repositoryUrl', `${LONGEST_REPOSITORY}x`, 'at most 100 characters'],
    ['repositoryUrl', 'https://me:pw@example.com/prices', 'an https address'],
    ['network', 'none', 'nat-gateway or nat-instance'],
    [
      'alarms',
      'worker-slov=off',
      'by the alarm\'s name, such as {"worker-slow":"off"}; the alarms are scheduled-call-failed, ',
    ],
    ['alarms', 'worker-slow=never', 'a threshold or off'],
    ['monthlyBudget', '0', 'a whole number from 1'],
    ['tags', 'stage=x', 'not application, stage or aws:'],
    ['account', '1234', "an account's 12 digits"],
    ['region', 'Frankfurt', 'a region, such as eu-central-1'],
    ['availabilityZones', 'eu-central-1a', 'two or more zones of one region'],
    ['vpcCidr', '10.0.0.0/25', 'an IPv4 range of /16 to /24'],
    ['natInstance', 't2.micro', 't4g.nano, t4g.micro or t4g.small'],
    ['coingeckoPlan', 'free', 'public, demo or paid'],
    ['coingeckoBaseUrl', 'http://prices.example.com', 'an https address'],
    ['coingeckoRequestsPerMinute', '0', 'a whole number from 1 to 100000'],
    ['coingeckoMonthlyCredits', 'many', 'a whole number from 1'],
    ['coingeckoHistoryDays', '3', 'a whole number from 4'],
    ['coingeckoCrossRates', 'yes', 'on or off'],
    ['latestPrices', 'no', 'on or off'],
    ['universe', 'nowhere.json', 'a file like universe.json'],
    ['universe', 'README.md', 'is not JSON'],
    ['universe', WRONG_UNIVERSE, 'at currencies[0].code is "USD"; it takes a code like "usd"'],
    ['databaseInstance', 'm5.large', 't4g.micro, t4g.small, t4g.medium or t4g.large'],
    ['databaseStorageGib', '10', 'a whole number from 20 to 1000'],
    ['databaseBackupDays', '0', 'a whole number from 1 to 35'],
    ['databaseClientSecurityGroups', 'default', 'ids of security groups'],
    ['databaseClientCidrs', '0.0.0.0/0', 'IPv4 ranges of /8 or smaller'],
    ['visibilityMinutes', '15', "more than the worker's 15 minutes"],
    ['logRetentionDays', '8', 'a number of days that CloudWatch knows: 1, 3, 5, 7'],
  ])('%s "%s" is refused with what it takes, and where to set it', (name, value, takes) => {
    const message = refusal({ [name]: value });
    expect(message).toContain(`${name} is ${show(value)}; it takes `);
    expect(message).toContain(takes);
    expect(message).toContain(`Set it in stages/prod.json, or for one deploy with -c ${name}=….`);
    expect(message.split('\n')).toHaveLength(1);
  });

  test('a budget that tells nobody is refused', () => {
    expect(refusal({ monthlyBudget: '60' })).toBe(
      'monthlyBudget tells nobody: put addresses into alarmMails in stages/prod.json.',
    );
  });

  test('zones of another region are refused', () => {
    const settings = { region: 'eu-west-1', availabilityZones: 'eu-west-1a,eu-central-1a' };
    expect(refusal(settings)).toContain('availabilityZones are not all in the region eu-west-1: correct either in');
  });

  test('all wrong settings are named at once', () => {
    expect(refusal({ alarmMail: 'x', network: 'y', name: 'Z' }).split('\n')).toHaveLength(3);
  });

  test('a stage that there is not has no file to read', () => {
    expect(refusal({ stage: 'production' })).toBe(
      'stage is "production"; it takes dev, staging or prod. Choose it with -c stage=….',
    );
    // A variable of the shell that is not set.
    expect(refusal({ stage: '' })).toContain('stage is ""; it takes');
  });

  test('a misspelt setting is refused with the nearest one and what it takes', () => {
    const message = refusal({ logRetention: 'x' });
    expect(message).toContain('Unknown setting logRetention (-c logRetention=…); did you mean logRetentionDays?');
    expect(message).toContain('It takes a number of days that CloudWatch knows');
    expect(message).toContain('The settings are name, account, region, schedule');
  });

  test("CDK's own context is left alone", () => {
    const context = { 'aws:cdk:bundling-stacks': [], 'cli-telemetry': false, '@aws-cdk/core:checkSecretUsage': true };
    expect(configOf(context).stage).toBe('prod');
  });
});
