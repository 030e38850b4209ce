// The alarms by their ids: the stack makes them, and a drill fires each once.

/** Which alarms a stage has beside those that every one has. */
export type AlarmsOf = {
  readonly hasSchedule: boolean;
  readonly hasNatInstance: boolean;
  readonly hasWebhook: boolean;
};

/** In the order in which a run passes what they watch. With what each needs, other than a stack. */
const ALARMS = {
  'scheduled-call-failed': 'hasSchedule',
  'rule-throttled': 'hasSchedule',
  'calls-undelivered': 'hasSchedule',
  'undelivered-call-lost': 'hasSchedule',
  'connection-not-authorized': null,
  'connection-repair-failed': null,
  'rotation-failed': null,
  'runs-dead': null,
  'message-old': null,
  'worker-errors': null,
  'worker-slow': null,
  'way-out-down': 'hasNatInstance',
  'no-complete-run': 'hasSchedule',
  'prices-stale': 'hasSchedule',
  'run-partial': null,
  'error-findings': null,
  'credits-short': null,
  'database-storage': null,
  'database-cpu-credits': null,
  'database-connections': null,
  'webhook-failed': 'hasWebhook',
} as const satisfies Readonly<Record<string, keyof AlarmsOf | null>>;

/** An alarm's name without prefix and stage, and the heading of its section in docs/runbook.md. */
export type AlarmId = keyof typeof ALARMS;

/** The one that no webhook is told of. */
export const WEBHOOK_ALARM: AlarmId = 'webhook-failed';

/** @returns the alarms of a stage. */
export const alarmIds = (stage: AlarmsOf): AlarmId[] =>
  (Object.keys(ALARMS) as AlarmId[]).filter((id) => {
    const needs = ALARMS[id];
    return needs === null || stage[needs];
  });
