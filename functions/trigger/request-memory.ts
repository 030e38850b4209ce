import type { RunRequest } from '../../ingestion/contract/run-message.ts';

/** More keys than a warm instance sees in its life. */
const MAX_KEYS = 1_000;

export type RequestMemory = {
  get(triggerKey: string): RunRequest | undefined;
  set(triggerKey: string, request: RunRequest): void;
};

/**
 * Remembers which request each trigger key came with, so that a key used for another request is answered with a 409.
 *
 * The trigger has a secret and a queue and no store, so this is what one warm instance saw, and no more. Another
 * instance answers 202; then the queue drops the message (a repeat, within 5 minutes), or the worker refuses it, since
 * the database knows every key's request for good. In no case does a key start two runs.
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
