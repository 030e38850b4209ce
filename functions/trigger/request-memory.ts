import type { RunRequest } from '../../ingestion/contract/run-request.ts';

/** More keys than a warm instance sees in its life. */
const MAX_KEYS = 1_000;

export type RequestMemory = {
  get(triggerKey: string): RunRequest | undefined;
  set(triggerKey: string, request: RunRequest): void;
};

/**
 * Remembers the request that each trigger key came with, so that the same key with another request is answered with 409.
 *
 * The trigger has no store, so it knows only what this warm instance has seen. Another instance answers 202. Then the
 * queue drops the message as a repeat (within 5 minutes), or the worker refuses it, since the database keeps the request
 * of every key. In no case does a key start two runs.
 */
export function createRequestMemory(): RequestMemory {
  const requests = new Map<string, RunRequest>();
  return {
    get: (key) => requests.get(key),
    set(key, request) {
      requests.delete(key);
      requests.set(key, request);
      const [oldest] = requests.keys();
      if (requests.size > MAX_KEYS && oldest !== undefined) requests.delete(oldest);
    },
  };
}
