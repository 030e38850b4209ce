import type { EventEmitter } from 'node:events';
import { IngestionError } from '../../ingestion/domain/failure.ts';

/** Ctrl-C or SIGTERM. It is the abort reason of the signal that `watchInterrupts` returns. */
export class InterruptedError extends IngestionError {
  override readonly name = 'InterruptedError';
}

/**
 * Under `npm run` one Ctrl-C arrives twice: the terminal signals the whole process group, and npm passes the signal on.
 * No person presses it twice within this time.
 */
const SAME_KEYSTROKE_MS = 300;

/**
 * @param signals the process, which emits the signals.
 * @param on.first is called at the first Ctrl-C or SIGTERM.
 * @param on.second is called at each later one: the process should end at once.
 * @returns a signal that aborts at the first one, with an InterruptedError as its reason.
 */
export function watchInterrupts(
  signals: EventEmitter,
  now: () => number,
  on: { first: () => void; second: () => void },
): AbortSignal {
  const controller = new AbortController();
  let firstAt: number | null = null;
  for (const name of ['SIGINT', 'SIGTERM']) {
    signals.on(name, () => {
      if (firstAt !== null) {
        if (now() - firstAt > SAME_KEYSTROKE_MS) on.second();
        return;
      }
      firstAt = now();
      on.first();
      controller.abort(new InterruptedError(`Interrupted by ${name}.`));
    });
  }
  return controller.signal;
}
