import * as z from 'zod';
import { MAX_HOPS } from './limits.ts';

const day = z.iso.date();
const names = z.array(z.string()).min(1);

/** What a run is asked for. An empty object asks for whatever is missing in the horizon of every series. */
export const RunRequest = z.strictObject({
  /** First and last UTC day, inclusive. Both or neither. */
  from: day.optional(),
  to: day.optional(),
  coins: names.optional(),
  currencies: names.optional(),
  /** Ask for final days too. Needs `from` and `to`. */
  refetch: z.boolean().optional(),
});
export type RunRequest = Readonly<z.output<typeof RunRequest>>;

/** The queue's message, version 1. One message is one hop of a run. */
export const RunMessage = z.object({
  version: z.literal(1),
  runId: z.uuid(),
  triggerKey: z.string().min(1).max(1024),
  /** In stages with a schedule each deploy queues a run (`deploy`). `repair` replaces a scheduled call that was refused. */
  trigger: z.enum(['schedule', 'http', 'cli', 'deploy', 'repair']),
  /** It is fixed for the whole run, and alone decides which days are expected. */
  dueAt: z.iso.datetime(),
  request: RunRequest,
  hop: z.int().min(0).max(MAX_HOPS),
});
export type RunMessage = Readonly<z.output<typeof RunMessage>>;
export type TriggerKind = RunMessage['trigger'];

/** The queue's only message group. It makes the queue deliver one run at a time. */
export const MESSAGE_GROUP_ID = 'ingestion';

/** @returns the FIFO deduplication id of a hop. A hop that is queued twice is delivered once. */
export const deduplicationId = ({ runId, hop }: Pick<RunMessage, 'runId' | 'hop'>): string => `${runId}:${hop}`;

/** Says why no retry can help, on messages that the worker itself moved to the dead-letter queue. */
export const REASON_ATTRIBUTE = 'reason';
