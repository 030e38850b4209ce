/** In the order in which a run passes what they watch. */
export const ALARM_IDS = [
  'scheduled-call-failed',
  'rule-throttled',
  'calls-undelivered',
  'undelivered-call-lost',
  'connection-not-authorized',
  'connection-repair-failed',
  'rotation-failed',
  'runs-dead',
  'message-old',
  'worker-errors',
  'worker-slow',
  'way-out-down',
  'no-complete-run',
  'prices-stale',
  'run-partial',
  'error-findings',
  'credits-short',
  'database-storage',
  'database-cpu-credits',
  'database-connections',
  'webhook-failed',
] as const;

/** An alarm's name without prefix and stage, and the heading of its section in docs/runbook.md. */
export type AlarmId = (typeof ALARM_IDS)[number];

/** The one that no webhook is told of. */
export const WEBHOOK_ALARM: AlarmId = 'webhook-failed';
