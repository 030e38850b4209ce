import type { EventEmitter } from 'node:events';
import { IngestionError } from '../../ingestion/domain/failure.ts';

/** Ctrl-C or SIGTERM: the reason of the signal that `watchInterrupts` gives. */
export class InterruptedError extends IngestionError {
  override readonly name = 'InterruptedError';
}

/**
 * One Ctrl-C arrives twice under `npm run`: from the terminal, which signals the whole group, and from npm, which passes
 * it on. A second one that is meant comes from a hand, and later.
 */
const SAME_KEYSTROKE_MS = 300;

/**
 * @param signals the process, or what stands for it.
 * @param on.first called once, when nothing new may be begun. @param on.second called when all is to end at once.
 * @returns a signal that aborts, with an InterruptedError as its reason, at the first Ctrl-C or SIGTERM.
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
