import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { alarmIds } from '../../ingestion/contract/alarm-names.ts';
import { runCommand, startNode } from '../support/local-command.ts';

const folder = mkdtempSync(join(tmpdir(), 'drill-'));
afterAll(() => rmSync(folder, { recursive: true }));

const IDS = alarmIds({ hasSchedule: true, hasNatInstance: true, hasWebhook: false });
const NAMES = IDS.map((id) => `crypto-prices-${id}-staging`);
/** What stages/staging.json holds, unless a test says otherwise. The project's own is the user's to change. */
const STAGING = { schedule: 'rate(12 hours)', network: 'nat-instance', databaseBackupDays: 1, logRetentionDays: 30 };
const TOPIC = 'arn:aws:sns:eu-central-1:123456789012:crypto-prices-alarms';
const CONFIRMED = `${TOPIC}:8a6c1f0e-0000-4000-8000-000000000001`;

type Account = {
  /** The alarms that there are, by their states. */
  readonly alarms: Readonly<Record<string, string>>;
  readonly subscriptions: readonly (readonly [protocol: string, endpoint: string, arn: string])[];
  /** What the CLI says before it fails, whatever it is asked. */
  readonly failure?: string;
};

// An `aws` for the PATH, which writes down what it is asked, and answers as version 2 does.
const CLI = `#!/bin/sh
cd '${folder}'
printf '%s\\t' "pager=$AWS_PAGER" "$@" >> calls
echo >> calls
if [ -s failure ]; then cat failure >&2; exit 254; fi
if [ -f "$2" ]; then cat "$2"; fi
`;
writeFileSync(join(folder, 'aws'), CLI);
chmodSync(join(folder, 'aws'), 0o755);
beforeEach(() => writeFileSync(join(folder, 'calls'), ''));

const allOk = Object.fromEntries(NAMES.map((name) => [name, 'OK']));
const PATH = `${folder}:${process.env['PATH']}`;

type Conditions = { readonly settings?: Readonly<Record<string, unknown>>; readonly path?: string };

function drill(account: Account, args: readonly string[], { settings = STAGING, path = PATH }: Conditions = {}) {
  const { alarms, subscriptions, failure = '' } = account;
  const answers = {
    failure,
    'describe-alarms': JSON.stringify({
      MetricAlarms: Object.entries(alarms).map(([AlarmName, StateValue]) => ({
        AlarmName,
        StateValue,
        AlarmActions: [TOPIC],
      })),
      CompositeAlarms: [],
    }),
    'list-subscriptions-by-topic': JSON.stringify({
      Subscriptions: subscriptions.map(([Protocol, Endpoint, SubscriptionArn]) => ({
        Protocol,
        Endpoint,
        SubscriptionArn,
        TopicArn: TOPIC,
      })),
    }),
  };
  for (const [file, text] of Object.entries(answers)) writeFileSync(join(folder, file), text);
  const program = `
    import { runCommandLine } from './local/cli/command-line.ts';
    import { createDrill } from './local/cli/commands/drill.ts';
    const drill = createDrill(() => (${JSON.stringify(settings)}));
    process.exitCode = await runCommandLine({ drill }, ${JSON.stringify(['drill', ...args])});`;
  return startNode(['--input-type=module', '--eval', program], { PATH: path }).result;
}

const calls = (): { args: string[]; pager: string }[] =>
  readFileSync(join(folder, 'calls'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [pager = '', ...args] = line.split('\t');
      return { pager: pager.replace('pager=', ''), args };
    });

const statesSet = (): string[] =>
  calls()
    .filter(({ args }) => args[1] === 'set-alarm-state')
    .map(({ args }) => `${args[args.indexOf('--alarm-name') + 1]} ${args[args.indexOf('--state-value') + 1]}`);

describe('without --yes', () => {
  test('it prints commands for a shell, which fire each alarm once and end it, and runs none', async () => {
    const { code, stdout, stderr } = await drill({ alarms: allOk, subscriptions: [] }, ['--stage', 'staging']);
    expect(code).toBe(0);
    expect(stderr).toContain(`These commands fire the ${NAMES.length} alarms of staging once.`);
    expect(calls()).toEqual([]);

    // The printed commands do what the command itself does.
    const shell = spawnSync('bash', ['-e'], { input: stdout, env: { PATH }, encoding: 'utf8' });
    expect(shell).toMatchObject({ status: 0, stderr: '' });
    expect(statesSet()).toEqual([...NAMES.map((name) => `${name} ALARM`), ...NAMES.map((name) => `${name} OK`)]);
    expect(calls().every(({ pager }) => pager === '')).toBe(true);
    expect(calls().map(({ args }) => args[1])).toContain('list-subscriptions-by-topic');
  });

  test('it names the alarms of the stage, and of the deployment where that has a name', async () => {
    const settings = { ...STAGING, schedule: 'none', network: 'nat-gateway', alarmWebhookSecretName: 'hook' };
    const args = ['--stage', 'dev', '--name', 'alice'];
    const { stdout, stderr } = await drill({ alarms: {}, subscriptions: [] }, args, { settings });
    expect(stderr).toMatch(/alarms of dev-alice once.* by mail and webhook/);
    for (const id of ['runs-dead', 'webhook-failed'])
      expect(stdout).toContain(`--alarm-name crypto-prices-${id}-dev-alice --state-value ALARM`);
    expect(stdout).not.toMatch(/no-complete-run|way-out-down/);
  });

  test("it reads the stage's settings file", async () => {
    const { code, stdout } = await runCommand(['drill', '--stage', 'staging'], { PATH });
    expect(stdout).toContain('--alarm-name crypto-prices-runs-dead-staging');
    expect(code).toBe(0);
  });
});

describe('with --yes', () => {
  test('it fires each alarm and ends it, without a pager, and says which messages should come', async () => {
    const account = { alarms: allOk, subscriptions: [['email', 'ops@example.com', CONFIRMED]] } as const;
    const { code, stdout } = await drill(account, ['--stage', 'staging', '--yes']);
    expect(statesSet()).toEqual([...NAMES.map((name) => `${name} ALARM`), ...NAMES.map((name) => `${name} OK`)]);
    expect(calls().every(({ pager }) => pager === '')).toBe(true);
    expect(stdout).toContain('  email   ops@example.com  confirmed\n');
    for (const name of NAMES) expect(stdout).toContain(`  ALARM: "${name}"`);
    expect(stdout).not.toMatch(/NOT|NOBODY/);
    expect(code).toBe(0);
  });

  test('it says who gets nothing, and how that person does', async () => {
    const account: Account = {
      alarms: allOk,
      subscriptions: [
        ['email', 'ops@example.com', CONFIRMED],
        ['email', 'new@example.com', 'PendingConfirmation'],
      ],
    };
    const settings = { ...STAGING, alarmMails: ['ops@example.com', 'new@example.com', 'late@example.com'] };
    const { code, stdout } = await drill(account, ['--stage', 'staging', '--yes'], { settings });
    expect(stdout).toContain('  email   new@example.com  NOT CONFIRMED\n  email   late@example.com  LOST\n');
    for (const mail of ['new', 'late']) {
      expect(stdout).toContain(
        `  aws sns subscribe --topic-arn ${TOPIC} --protocol email --notification-endpoint ${mail}@example.com\n`,
      );
    }
    expect(code).toBe(1);
  });

  test('it says that nobody is told', async () => {
    const { code, stdout } = await drill({ alarms: allOk, subscriptions: [] }, ['--stage', 'staging', '--yes']);
    expect(stdout).toContain(
      'NOBODY IS TOLD of the alarms of staging: put "alarmMails": ["you@example.com"] into stages/staging.json, and deploy.',
    );
    expect(code).toBe(1);
  });

  test('it leaves an alarm alone that rings, and names one that is missing', async () => {
    const [ringing = '', missing = '', ...quiet] = NAMES;
    const account: Account = {
      alarms: { [ringing]: 'ALARM', ...Object.fromEntries(quiet.map((name) => [name, 'INSUFFICIENT_DATA'])) },
      subscriptions: [['email', 'ops@example.com', CONFIRMED]],
    };
    const { code, stdout } = await drill(account, ['--stage', 'staging', '--yes', '--json']);
    expect(JSON.parse(stdout)).toEqual({
      stage: 'staging',
      deployment: 'staging',
      topic: TOPIC,
      subscriptions: [{ protocol: 'email', endpoint: 'ops@example.com', state: 'confirmed' }],
      fired: quiet,
      ringing: [ringing],
      missing: [missing],
    });
    expect(statesSet()).not.toContain(`${ringing} OK`);
    expect(code).toBe(1);
  });

  test('an alarm that only the deployed settings know of is fired too', async () => {
    const account: Account = {
      alarms: { ...allOk, 'crypto-prices-webhook-failed-staging': 'OK' },
      subscriptions: [['email', 'ops@example.com', CONFIRMED]],
    };
    const { stdout } = await drill(account, ['--stage', 'staging', '--yes']);
    expect(stdout).toContain('  ALARM: "crypto-prices-webhook-failed-staging" (by mail alone)');
    expect(calls()[0]?.args).toContain('crypto-prices-webhook-failed-staging');
    expect(statesSet()).toContain('crypto-prices-webhook-failed-staging ALARM');
  });
});

describe('it says what to do', () => {
  test('where no alarm is', async () => {
    const { code, stderr } = await drill({ alarms: {}, subscriptions: [] }, ['--stage', 'staging', '--yes']);
    expect(stderr).toContain(
      'There is no alarm of staging in this account and region, such as crypto-prices-scheduled-call-failed-staging: set AWS_REGION',
    );
    expect(code).toBe(1);
  });

  test('where the CLI fails', async () => {
    const failure = 'Unable to locate credentials. You can configure credentials by running "aws configure".';
    const { code, stderr } = await drill({ alarms: {}, subscriptions: [], failure }, ['--stage', 'staging', '--yes']);
    expect(stderr).toContain(`aws cloudwatch describe-alarms failed: ${failure}`);
    expect(code).toBe(1);
  });

  test('where there is no CLI', async () => {
    const { code, stderr } = await drill({ alarms: {}, subscriptions: [] }, ['--stage', 'staging', '--yes'], {
      path: '/nowhere',
    });
    expect(stderr).toContain('There is no aws on the PATH: install version 2 of the AWS CLI.');
    expect(code).toBe(1);
  });

  test('where production tells nobody', async () => {
    const { code, stderr } = await drill({ alarms: {}, subscriptions: [] }, []);
    expect(stderr).toContain('alarmMails is empty, and in production somebody must be told');
    expect(stderr).toContain('Put "alarmMails": ["you@example.com"] into stages/prod.json');
    expect(code).toBe(2);
  });

  test('where there is no such stage', async () => {
    const { code, stderr } = await drill({ alarms: {}, subscriptions: [] }, ['--stage', 'production']);
    expect(stderr).toContain('stage is "production"; it takes dev, staging or prod.');
    expect(code).toBe(2);
  });
});
