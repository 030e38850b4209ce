import type { EmitMetrics } from '../../functions/common/emit-metrics.ts';
import type { Delivery, WorkerQueue } from '../../functions/common/run-queue.ts';
import { processMessage } from '../../functions/worker/process-message.ts';
import { runHop } from '../../functions/worker/run-hop.ts';
import type { Universe } from '../../ingestion/contract/universe-schema.ts';
import { createDatabase, type Database } from '../../ingestion/database/connection.ts';
import type { Clock } from '../../ingestion/ports.ts';
import type { SourceSettings } from '../../ingestion/read-settings.ts';
import { createRecordedLog } from './recorded-log.ts';

export type TestWorker = ReturnType<typeof createTestWorker>;

export function createTestWorker(options: {
  queue: WorkerQueue;
  universe: Universe;
  clock: Clock;
  baseUrl: string;
  /** A URL, or what opens the database. */
  database: string | (() => Promise<Database>);
  source?: Partial<SourceSettings>;
  /** How long a hop may take. @default 15 min */
  timeoutMs?: number;
}) {
  const { queue, universe, clock, database, timeoutMs = 15 * 60_000 } = options;
  const log = createRecordedLog();
  const emitted: Record<string, number>[] = [];
  const emit: EmitMetrics = (values, dimensions = {}) => void emitted.push({ ...values, ...(dimensions as object) });
  const source: SourceSettings = {
    ...{ plan: 'public', baseUrl: options.baseUrl, keyHeader: null, apiKey: null },
    ...{ requestsPerMinute: 10_000, monthlyCredits: null, historyDays: 365, crossRates: false },
    latestPrices: false,
    ...options.source,
  };
  return {
    emitted,
    lines: log.lines,
    /** The sum of what was emitted under that name. */
    total: (metric: string) => emitted.reduce((sum, values) => sum + (values[metric] ?? 0), 0),
    /** Works on one message as the handler does, with a database connection of its own. */
    work(delivery: Delivery): Promise<boolean> {
      const deadline = clock.now() + timeoutMs;
      return processMessage(delivery, {
        ...{ queue, universe, emit, log },
        async runHop(order, hopLog) {
          const open = typeof database === 'string' ? createDatabase({ url: database }) : await database();
          const { signal: interrupt } = new AbortController();
          try {
            const world = { source, universe, database: open, clock, log: hopLog, emit };
            return await runHop(order, { ...world, interrupt, deadline });
          } finally {
            await open.close();
          }
        },
      });
    },
  };
}
