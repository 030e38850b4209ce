// The deployments whose templates the tests look at. This file is read inside Jest and outside, so it imports no CDK.
import { readConfig, type StackConfig, type StageName } from '../../lib/stage-config.ts';

export const STAGES = ['dev', 'staging', 'prod'] as const satisfies readonly StageName[];

/** What the settings files say when they are new. Those of the project are the user's to change. */
export const STAGE_SETTINGS: Readonly<Record<StageName, Record<string, unknown>>> = {
  dev: { schedule: 'none', network: 'nat-instance', databaseBackupDays: 1, logRetentionDays: 14 },
  staging: { schedule: 'rate(12 hours)', network: 'nat-instance', databaseBackupDays: 1, logRetentionDays: 30 },
  prod: {
    schedule: 'cron(0 2 * * ? *)',
    alarmMails: 'none',
    network: 'nat-gateway',
    databaseBackupDays: 14,
    logRetentionDays: 90,
  },
};

/** @returns a stage's settings with these overrides, as `-c` gives them. */
export const configOf = (overrides: Record<string, unknown>): StackConfig =>
  readConfig(overrides, {}, (stage) => STAGE_SETTINGS[stage]);

export const WEBHOOK = 'crypto-prices-webhook';
export const LONGEST_REPOSITORY = `https://github.com/${'x'.repeat(81)}`;

/** The overrides of each, as `-c` gives them. */
export const DEPLOYMENTS = {
  dev: { stage: 'dev' },
  staging: { stage: 'staging' },
  prod: {},
  /** All that production can have. */
  webhook: { alarmWebhookSecretName: WEBHOOK },
  /** The longest names and texts. */
  longest: {
    stage: 'staging',
    name: 'sixteen-letters1',
    repositoryUrl: LONGEST_REPOSITORY,
    alarmWebhookSecretName: WEBHOOK,
  },
  scheduledDev: { stage: 'dev', name: 'alice', network: 'nat-gateway', schedule: 'rate(166 hours)' },
  /** Production with every setting changed. */
  custom: {
    account: '123456789012',
    region: 'eu-central-1',
    availabilityZones: 'eu-central-1b, eu-central-1c',
    vpcCidr: '10.74.0.0/22',
    network: 'nat-instance',
    natInstance: 't4g.micro',
    schedule: 'cron(0 2 ? * MON-FRI *)',
    alarmMails: 'a@example.com,b@example.com',
    alarms: 'message-old=21600, worker-slow=off',
    monthlyBudget: '60',
    tags: 'team=data',
    alarmWebhookSecretName: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:hook-AbCdEf',
    coingeckoPlan: 'paid',
    coingeckoRequestsPerMinute: '500',
    coingeckoMonthlyCredits: '500000',
    coingeckoHistoryDays: '400',
    coingeckoCrossRates: 'on',
    latestPrices: 'off',
    coingeckoBaseUrl: 'https://prices.example.com/api/v3',
    databaseInstance: 't4g.small',
    databaseStorageGib: '50',
    databaseBackupDays: '1',
    databaseClientSecurityGroups: 'sg-0a1b2c3d',
    databaseClientCidrs: '10.20.0.0/16,10.30.0.0/24',
  },
} as const satisfies Record<string, Record<string, string>>;

export type DeploymentName = keyof typeof DEPLOYMENTS;

export const DEPLOYMENT_NAMES = Object.keys(DEPLOYMENTS) as DeploymentName[];
