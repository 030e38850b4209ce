import { WEBHOOK_ALARM } from '../../ingestion/contract/alarm-names.ts';

export type Subscription = {
  readonly protocol: string;
  readonly endpoint: string;
  /** Lost: the settings name it, but the topic does not know it. */
  readonly state: 'confirmed' | 'not confirmed' | 'lost';
};

export type Drill = {
  readonly stage: string;
  /** The stage, and the deployment's own name where it has one. */
  readonly deployment: string;
  readonly topic: string;
  readonly subscriptions: readonly Subscription[];
  /** By their names. */
  readonly fired: readonly string[];
  /** Those that rang before, and were left alone. */
  readonly ringing: readonly string[];
  /** Those that the stage should have. */
  readonly missing: readonly string[];
};

/** @returns who is told, and which messages should come. */
export function drillText({ stage, deployment, topic, subscriptions, fired, ringing, missing }: Drill): string {
  const untold = subscriptions.filter(({ state }) => state !== 'confirmed');
  return [
    subscriptions.length === 0
      ? `NOBODY IS TOLD of the alarms of ${deployment}: put "alarmMails": ["you@example.com"] into stages/${stage}.json, and deploy.`
      : `The alarms of ${deployment} go to:`,
    ...subscriptions.map(
      ({ protocol, endpoint, state }) =>
        `  ${protocol.padEnd(6)}  ${endpoint}  ${state === 'confirmed' ? state : state.toUpperCase()}`,
    ),
    ...section(
      'Nothing reaches who is not confirmed. This mails the link again, which somebody has to follow within two days:',
      untold.map(
        ({ protocol, endpoint }) =>
          `aws sns subscribe --topic-arn ${topic} --protocol ${protocol} --notification-endpoint ${endpoint}`,
      ),
    ),
    ...section(
      `Fired ${fired.length}. For each, two messages should come within minutes. The first begins so, the second with OK:`,
      fired.map((name) => `ALARM: "${name}"${name.includes(WEBHOOK_ALARM) ? ' (by mail alone)' : ''}`),
    ),
    ...section('Not fired, for they ring already:', ringing),
    ...section('NOT FOUND, though the settings say that they should be there. Deploy:', missing),
  ].join('\n');
}

const section = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)];
