import { describe, expect, test } from '@jest/globals';
import { ConfigError, readConfig } from '../../lib/config.ts';
import { longestIntervalMinutes, nextDueAt } from '../../lib/schedule.ts';
import { writeUniverse } from '../support/universe.ts';

/** @returns the message that refuses the settings. */
function refusal(context: Record<string, unknown>, environment: Record<string, string> = {}): string {
  try {
    readConfig(context, environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error('The settings were taken.');
}

describe('stages', () => {
  test('without a stage it is prod, whose names have no suffix', () => {
    expect(readConfig({}, {})).toMatchObject({
      stage: 'prod',
      suffix: '',
      schedule: { expression: 'cron(0 2 * * ? *)', longestIntervalMinutes: 24 * 60 },
      network: 'nat-gateway',
      isProtected: true,
    });
  });

  test('staging runs every 12 hours behind a NAT instance', () => {
    expect(readConfig({ stage: 'staging' }, {})).toMatchObject({
      suffix: '-staging',
      schedule: { expression: 'rate(12 hours)' },
      network: 'nat-instance',
      isProtected: false,
    });
  });

  test('dev has no schedule', () => {
    expect(readConfig({ stage: 'dev' }, {})).toMatchObject({ suffix: '-dev', schedule: null, network: 'nat-instance' });
  });
});

describe('overrides', () => {
  test('every setting can come from the context, as text', () => {
    const universe = writeUniverse({
      coins: [{ id: 'bitcoin', symbol: 'btc', name: 'Bitcoin' }],
      currencies: [{ code: 'usd', name: 'US dollar' }],
    });
    const config = readConfig(
      {
        stage: 'dev',
        schedule: 'rate(6 hours)',
        alarmMails: 'a@example.com, b@example.com',
        network: 'nat-gateway',
        coingeckoPlan: 'demo',
        coingeckoBaseUrl: 'https://prices.example.com/api/v3',
        coingeckoRequestsPerMinute: '100',
        coingeckoMonthlyCredits: '5000',
        coingeckoHistoryDays: '90',
        universe,
        databaseInstance: 't4g.small',
        databaseStorageGib: '50',
        databaseBackupDays: '7',
        databaseClientSecurityGroups: 'sg-0a1b2c3d4e5f60718',
        databaseClientCidrs: '10.20.0.0/16',
        visibilityMinutes: '30',
        logRetentionDays: '7',
      },
      {},
    );
    expect(config).toEqual({
      stage: 'dev',
      suffix: '-dev',
      schedule: { expression: 'rate(6 hours)', longestIntervalMinutes: 360 },
      alarmMails: ['a@example.com', 'b@example.com'],
      network: 'nat-gateway',
      coingecko: {
        plan: 'demo',
        baseUrl: 'https://prices.example.com/api/v3',
        requestsPerMinute: 100,
        monthlyCredits: 5000,
        historyDays: 90,
      },
      universeFile: universe,
      database: {
        instance: 't4g.small',
        storageGib: 50,
        backupDays: 7,
        clientSecurityGroups: ['sg-0a1b2c3d4e5f60718'],
        clientCidrs: ['10.20.0.0/16'],
      },
      visibilityMinutes: 30,
      logRetentionDays: 7,
      isProtected: false,
    });
  });

  test('the environment serves where the context is silent', () => {
    const environment = { CRYPTO_PRICES_STAGE: 'staging', CRYPTO_PRICES_LOG_RETENTION_DAYS: '7' };
    expect(readConfig({ stage: 'dev' }, environment)).toMatchObject({ stage: 'dev', logRetentionDays: 7 });
    expect(readConfig({}, environment)).toMatchObject({ stage: 'staging' });
  });

  test('an empty text counts as not set', () => {
    expect(readConfig({ alarmMails: '' }, { CRYPTO_PRICES_STAGE: '' })).toMatchObject({
      stage: 'prod',
      alarmMails: [],
    });
  });

  test('a list may be one in cdk.json', () => {
    expect(readConfig({ alarmMails: ['a@example.com'] }, {}).alarmMails).toEqual(['a@example.com']);
  });
});

describe('refusals', () => {
  test.each([
    ['stage', 'production', 'it takes dev, staging or prod.'],
    ['schedule', 'every day', 'a schedule, or none: "every day" is no schedule'],
    ['schedule', 'rate(1 hours)', 'write rate(1 hour)'],
    ['schedule', 'rate(0 hours)', 'is never due'],
    ['schedule', 'cron(0 2 * * * *)', 'needs a ? as its day or as its weekday'],
    ['schedule', 'cron(0 25 * * ? *)', 'is no schedule'],
    ['schedule', 'cron(0 2 30 2 ? *)', 'is never due'],
    ['schedule', 'cron(0 2 * * ? 2027)', 'ends some day'],
    ['schedule', 'cron(0 2 L * ? *)', 'at most 166 hours between runs'],
    ['schedule', 'rate(7 days)', 'at most 166 hours between runs'],
    ['alarmMails', 'a@example.com,bob', 'mail addresses, such as you@example.com'],
    ['network', 'none', 'nat-gateway or nat-instance'],
    ['coingeckoPlan', 'free', 'public, demo or paid'],
    ['coingeckoBaseUrl', 'http://prices.example.com', 'an https address'],
    ['coingeckoRequestsPerMinute', '0', 'a whole number from 1 to 100000'],
    ['coingeckoMonthlyCredits', 'many', 'a whole number from 1'],
    ['coingeckoHistoryDays', '3', 'a whole number from 4'],
    ['universe', 'nowhere.json', 'a file like universe.json'],
    ['universe', 'README.md', 'is no JSON'],
    ['databaseInstance', 'm5.large', 't4g.micro, t4g.small, t4g.medium or t4g.large'],
    ['databaseStorageGib', '10', 'a whole number from 20 to 1000'],
    ['databaseBackupDays', '0', 'a whole number from 1 to 35'],
    ['databaseClientSecurityGroups', 'default', 'ids of security groups'],
    ['databaseClientCidrs', '0.0.0.0/0', 'IPv4 ranges of /8 or smaller'],
    ['visibilityMinutes', '15', "more than the worker's 15 minutes"],
    ['logRetentionDays', '8', 'a number of days that CloudWatch knows: 1, 3, 5, 7'],
  ])('%s "%s" is refused with what it takes, and where to set it', (name, value, takes) => {
    const message = refusal({ [name]: value });
    expect(message).toContain(`${name} is ${JSON.stringify(value)}; it takes `);
    expect(message).toContain(takes);
    expect(message).toContain(`Set -c ${name}=… or CRYPTO_PRICES_`);
    expect(message.split('\n')).toHaveLength(1);
  });

  test('a universe that a run would refuse is refused at synth, with the place', () => {
    const coins = [{ id: 'bitcoin', symbol: 'btc', name: 'Bitcoin' }];
    const universe = writeUniverse({ coins, currencies: [{ code: 'USD', name: 'US dollar' }] });
    expect(refusal({ universe })).toContain('at currencies[0].code is "USD"; it takes a code like "usd"');
  });

  test('all wrong settings are named at once', () => {
    expect(refusal({ stage: 'x', network: 'y' }).split('\n')).toHaveLength(2);
  });

  test('a setting that is spelt wrong is refused, in the context and in the environment', () => {
    expect(refusal({ alarmMail: 'a@example.com' })).toContain(
      'alarmMail is no setting; the settings are stage, schedule',
    );
    expect(refusal({}, { CRYPTO_PRICES_STAGES: 'dev' })).toContain('CRYPTO_PRICES_STAGES is no setting');
  });

  test("CDK's own context is left alone", () => {
    const context = { 'aws:cdk:bundling-stacks': [], 'cli-telemetry': false, '@aws-cdk/core:checkSecretUsage': true };
    expect(readConfig(context, {}).stage).toBe('prod');
  });
});

describe('the longest interval of a schedule', () => {
  test.each([
    ['rate(1 minute)', 1],
    ['rate(12 hours)', 12 * 60],
    ['rate(1 day)', 24 * 60],
    ['cron(0 2 * * ? *)', 24 * 60],
    ['cron(0/15 * * * ? *)', 15],
    ['cron(30 2,14 * * ? *)', 12 * 60],
    ['cron(0 2,8 * * ? *)', 18 * 60],
    ['cron(0 8-17 ? * MON-FRI *)', 63 * 60],
    ['cron(0 2 ? * mon,wed,fri *)', 72 * 60],
    ['cron(0 2 ? * 2 *)', 7 * 24 * 60],
    ['cron(0 2 1 * ? *)', 31 * 24 * 60],
    ['cron(0 2 1/2 * ? *)', 48 * 60],
    ['cron(*/20 0 * * ? *)', 23 * 60 + 20],
    ['cron(*/15 * * * ? *)', 15],
    ['cron(* * * * ? *)', 1],
    ['cron(0 2 L * ? *)', 31 * 24 * 60],
    ['cron(0 9 ? * 6#3 *)', 35 * 24 * 60],
  ])('%s is silent for at most %i minutes', (expression, minutes) => {
    expect(longestIntervalMinutes(expression)).toBe(minutes);
  });
});

describe('the next moment of a schedule', () => {
  test.each([
    ['cron(0 2 * * ? *)', '2026-11-27T02:00:00Z', '2026-11-28T02:00:00.000Z'],
    ['cron(0 2 ? * 2 *)', '2026-11-27T02:00:00Z', '2026-11-30T02:00:00.000Z'],
    ['cron(0 2 ? * 1 *)', '2026-11-27T02:00:00Z', '2026-11-29T02:00:00.000Z'],
    ['cron(0 2 ? * 7 *)', '2026-11-27T02:00:00Z', '2026-11-28T02:00:00.000Z'],
    ['cron(0 2 ? * 2-6 *)', '2026-11-27T02:00:00Z', '2026-11-30T02:00:00.000Z'],
    ['cron(0 2 ? * MON-FRI *)', '2026-11-27T02:00:00Z', '2026-11-30T02:00:00.000Z'],
    ['cron(0 9 ? * 6#3 *)', '2026-11-27T02:00:00Z', '2026-12-18T09:00:00.000Z'],
    ['cron(0 9 ? * 6L *)', '2026-11-27T12:00:00Z', '2026-12-25T09:00:00.000Z'],
    ['cron(0 2 L * ? *)', '2026-11-27T02:00:00Z', '2026-11-30T02:00:00.000Z'],
    ['cron(0 2 15W * ? *)', '2026-11-27T02:00:00Z', '2026-12-15T02:00:00.000Z'],
    ['cron(0/15 * * * ? *)', '2026-11-27T02:07:00Z', '2026-11-27T02:15:00.000Z'],
    ['cron(5/20 * * * ? *)', '2026-11-27T02:07:00Z', '2026-11-27T02:25:00.000Z'],
    ['rate(12 hours)', '2026-11-27T02:07:00Z', '2026-11-27T14:07:00.000Z'],
  ])('%s after %s', (expression, after, next) => {
    expect(new Date(nextDueAt(expression, Date.parse(after))).toISOString()).toBe(next);
  });
});
