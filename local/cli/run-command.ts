import { inspect } from 'node:util';
import { DatabaseUnreachableError } from '../../ingestion/database/connection.ts';
import { IngestionError, LockTakenError, RefusedError, SourceError } from '../../ingestion/domain/failure.ts';
import { RequestError } from '../../ingestion/message/request.ts';
import { parseLocalSettings, SettingError } from '../../ingestion/read-settings.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { createJsonLinesLog, createPlainLog, type Terminal } from '../output/terminal.ts';
import { type CommandContext, EXIT, type ExitCode, type Host, type Outcome, UsageError } from './command.ts';

type Surroundings = { readonly host: Host; readonly terminal: Terminal };

/** Gives a command what it works with, and prints its outcome. */
export async function runCommand(
  command: (context: CommandContext) => Promise<Outcome>,
  { host, terminal }: Surroundings,
): Promise<ExitCode> {
  host.once('uncaughtException', (error) => host.exit(showError(error, { host, terminal })));
  const settings = parseLocalSettings(host.env);
  const log =
    terminal.columns !== null && !host.env['LOG_LEVEL']
      ? createPlainLog(terminal.note)
      : createJsonLinesLog(settings.logLevel, systemClock, terminal.printError);
  const interrupt = watchInterrupts({ host, terminal }, () => performance.now());
  const outcome = await command({ settings, terminal, log, interrupt, host });
  if ('text' in outcome) terminal.print(terminal.json ? JSON.stringify(outcome.document) : outcome.text);
  return outcome.exitCode;
}

/** Ctrl-C or SIGTERM. It is the abort reason of the signal that `watchInterrupts` returns. */
export class InterruptedError extends IngestionError {
  override readonly name = 'InterruptedError';
}

/**
 * Under `npm run` one Ctrl-C arrives twice: the terminal signals the whole process group, and npm passes the signal on.
 * No person presses it twice within this time.
 */
const SAME_KEYSTROKE_MS = 300;

/** @returns a signal that aborts at the first Ctrl-C or SIGTERM. The second one ends the process at once. */
export function watchInterrupts(
  { host, terminal }: { readonly host: Host; readonly terminal: Pick<Terminal, 'note'> },
  now: () => number,
): AbortSignal {
  const controller = new AbortController();
  let firstAt: number | null = null;
  for (const name of ['SIGINT', 'SIGTERM'])
    host.on(name, () => {
      if (firstAt === null) {
        firstAt = now();
        terminal.note('Finishing the requests under way. Press Ctrl-C again to leave at once.');
        controller.abort(new InterruptedError(`Interrupted by ${name}.`));
      } else if (now() - firstAt > SAME_KEYSTROKE_MS) {
        terminal.note('Left at once. The next run continues from what is stored.');
        host.exit(EXIT.interrupted);
      }
    });
  return controller.signal;
}

/** @returns the exit code. */
export function showError(error: unknown, { host, terminal }: Surroundings): ExitCode {
  if (host.env['LOG_LEVEL'] === 'debug') terminal.printError(inspect(error));
  const isForeseen = error instanceof IngestionError;
  const name = isForeseen ? error.name : 'UnexpectedError';
  const message = isForeseen
    ? error.message
    : `Unexpected error: ${error instanceof Error ? error.message : String(error)}. Set LOG_LEVEL=debug to see where.`;
  if (terminal.json && !terminal.isCutOff) terminal.print(JSON.stringify({ error: { name, message } }));
  else terminal.printError(message);
  return exitCodeOf(error);
}

function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof LockTakenError) return EXIT.lockTaken;
  // A wrong password, or a database that doesn't exist: the setting has to change.
  if (error instanceof DatabaseUnreachableError && !error.isTransient) return EXIT.wrongUse;
  // A run tells it in its verdict. Whoever compares must tell "could not ask" from "differs", as diff does.
  if (error instanceof SourceError) return EXIT.couldNotAsk;
  const isWrongUse = [UsageError, SettingError, RequestError, RefusedError].some((kind) => error instanceof kind);
  return isWrongUse ? EXIT.wrongUse : EXIT.incomplete;
}
