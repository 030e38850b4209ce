import * as z from 'zod';
import { alarmIds } from '../../../ingestion/contract/alarm-names.ts';
import { firstIssue } from '../../../ingestion/contract/first-issue.ts';
import { IngestionError } from '../../../ingestion/domain/failure.ts';
import {
  ConfigError,
  readConfig,
  resourceName,
  type SettingsReader,
  type StackConfig,
} from '../../../lib/stage-config.ts';
import { drillText, type Subscription } from '../../output/drill-text.ts';
import { aws } from '../aws-cli.ts';
import { defineCommand, EXIT, JSON_OPTION } from '../command.ts';
import { UsageError } from '../usage-error.ts';

/** What the message says, so that nobody is alarmed. */
const REASONS = {
  ALARM: 'A drill, fired by hand: nothing is wrong. It shows whether this message comes.',
  OK: 'The drill is over.',
} as const;

type State = keyof typeof REASONS;

const deployedAlarms = z.object({
  MetricAlarms: z.array(
    z.object({ AlarmName: z.string(), StateValue: z.string(), AlarmActions: z.array(z.string()).min(1) }),
  ),
});

const topicSubscriptions = z.object({
  Subscriptions: z.array(z.object({ Protocol: z.string(), Endpoint: z.string(), SubscriptionArn: z.string() })),
});

/** @param readFile gives the settings of a stage. Unless given, its file does, as for a deploy. */
export const createDrill = (readFile?: SettingsReader) =>
  defineCommand({
    summary: 'Fire each alarm of a stack on AWS once, to see by day whether its messages come.',
    options: {
      stage: { type: 'string', value: 'STAGE', description: 'dev, staging or prod. Prod unless given.' },
      name: { type: 'string', value: 'NAME', description: 'What -c name=… was given at the deploy, if it was.' },
      yes: { type: 'boolean', description: 'Run the commands with the AWS CLI. Without it they are only printed.' },
      ...JSON_OPTION,
    },
    async run({ terminal, interrupt }, { stage = 'prod', name: ownName, yes = false }) {
      const config = configOf({ stage, name: ownName }, readFile);
      const { deployment } = config;
      const named = namesOf(config);
      if (!yes) {
        const commands = commandsFor(named);
        terminal.note(
          `These commands fire the ${named.length} alarms of ${deployment} once. For each, two messages should come by mail${config.alarmWebhookSecretName === undefined ? '' : ' and webhook'}: "ALARM: …" and "OK: …". With --yes they are run.`,
        );
        return { exitCode: EXIT.complete, document: { stage, deployment, commands }, text: commands.join('\n') };
      }

      const alarms = await findAlarms(config);
      const { topic } = alarms[0];
      const subscriptions = await findSubscriptions(topic, config.alarmMails);
      terminal.note(`Firing ${alarms.length} alarms of ${deployment}.`);
      // One that rings anyway would send no message, and must not be ended.
      const quiet = alarms.filter(({ state }) => state !== 'ALARM');
      const fired: string[] = [];
      try {
        for (const { name } of quiet) {
          if (interrupt.aborted) break;
          fired.push(name);
          await aws(setState(name, 'ALARM'));
        }
      } finally {
        // CloudWatch ends most of them by itself within a minute, but not those that keep their state without data.
        for (const name of fired) await aws(setState(name, 'OK'));
      }
      const found = {
        stage,
        deployment,
        topic,
        subscriptions,
        fired,
        ringing: alarms.filter((alarm) => !quiet.includes(alarm)).map(({ name }) => name),
        missing: named.filter((name) => !alarms.some((alarm) => alarm.name === name)),
      };
      const isTold = subscriptions.length > 0 && subscriptions.every(({ state }) => state === 'confirmed');
      const isComplete = isTold && fired.length === quiet.length && found.missing.length === 0;
      return { exitCode: isComplete ? EXIT.complete : EXIT.incomplete, document: found, text: drillText(found) };
    },
  });

/** @throws UsageError */
function configOf(
  context: Readonly<Record<string, string | undefined>>,
  readFile: SettingsReader | undefined,
): StackConfig {
  try {
    return readConfig(context, process.env, readFile);
  } catch (error) {
    if (error instanceof ConfigError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

const namesOf = (config: StackConfig): string[] =>
  alarmIds({
    hasSchedule: config.schedule !== null,
    hasNatInstance: config.network === 'nat-instance',
    hasWebhook: config.alarmWebhookSecretName !== undefined,
  }).map((id) => resourceName(config, id));

const setState = (name: string, state: State): string[] => [
  ...['cloudwatch', 'set-alarm-state', '--alarm-name', name],
  ...['--state-value', state, '--state-reason', REASONS[state]],
];

const describeAlarms = (names: readonly string[]): string[] => [
  ...['cloudwatch', 'describe-alarms', '--alarm-names'],
  ...names,
];

const listSubscriptions = (topic: string): string[] => ['sns', 'list-subscriptions-by-topic', '--topic-arn', topic];

/** @returns lines for a shell: who is told, then each alarm, then its end. */
function commandsFor(names: readonly string[]): string[] {
  const topic = `$(${shell(describeAlarms(names.slice(0, 1)))} --query 'MetricAlarms[0].AlarmActions[0]' --output text)`;
  return [
    'export AWS_PAGER=""',
    `${shell(listSubscriptions(''))}"${topic}" --query 'Subscriptions[].[Protocol,Endpoint,SubscriptionArn]' --output table`,
    ...names.map((name) => shell(setState(name, 'ALARM'))),
    ...names.map((name) => shell(setState(name, 'OK'))),
  ];
}

/** None of the words has a single quote in it. */
const shell = (args: readonly string[]): string =>
  ['aws', ...args].map((word) => (/^[\w./:-]*$/.test(word) ? word : `'${word}'`)).join(' ');

type DeployedAlarm = { readonly name: string; readonly state: string; readonly topic: string };

/** @returns those of the stage that there are, whatever settings it was deployed with. */
async function findAlarms(config: StackConfig): Promise<[DeployedAlarm, ...DeployedAlarm[]]> {
  const names = alarmIds({ hasSchedule: true, hasNatInstance: true, hasWebhook: true }).map((id) =>
    resourceName(config, id),
  );
  const { MetricAlarms: found } = parse(deployedAlarms, await aws(describeAlarms(names)));
  const [first, ...others] = found.map(({ AlarmName, StateValue, AlarmActions: [topic = ''] }) => ({
    name: AlarmName,
    state: StateValue,
    topic,
  }));
  if (first) return [first, ...others];
  throw new IngestionError(
    `There is no alarm of ${config.deployment} in this account and region, such as ${names[0]}: set AWS_REGION and AWS_PROFILE to those of the stack.`,
  );
}

/** @param mails should be among them: AWS forgets an address that is not confirmed within two days. */
async function findSubscriptions(topic: string, mails: readonly string[]): Promise<Subscription[]> {
  const { Subscriptions: found } = parse(topicSubscriptions, await aws(listSubscriptions(topic)));
  const lost = mails.filter((mail) => !found.some(({ Endpoint }) => Endpoint === mail));
  return [
    ...found.map(({ Protocol: protocol, Endpoint: endpoint, SubscriptionArn: arn }) => ({
      protocol,
      endpoint,
      // Else AWS writes PendingConfirmation, or Deleted.
      state: arn.startsWith('arn:') ? ('confirmed' as const) : ('not confirmed' as const),
    })),
    ...lost.map((endpoint) => ({ protocol: 'email', endpoint, state: 'lost' as const })),
  ];
}

function parse<Schema extends z.ZodType>(schema: Schema, answer: unknown): z.output<Schema> {
  const result = schema.safeParse(answer);
  if (result.success) return result.data;
  throw new IngestionError(
    `The AWS CLI's answer is not of version 2's form: ${firstIssue(result.error, 'the answer')}. Its version: aws --version.`,
  );
}
