import { inspect } from 'node:util';
import { DatabaseUnreachableError } from '../../ingestion/database/connection.ts';
import { IngestionError, LockTakenError, RefusedError, SourceError } from '../../ingestion/domain/failure.ts';
import { RequestError } from '../../ingestion/message/request.ts';
import { parseLocalSettings, SettingError } from '../../ingestion/read-settings.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { createJsonLinesLog } from '../output/json-lines-log.ts';
import { createTerminal, type Terminal } from '../output/terminal.ts';
import { parseArguments } from './arguments.ts';
import { type Commands, EXIT, type ExitCode, type Outcome } from './command.ts';
import { watchInterrupts } from './interrupts.ts';
import { loadDotEnv } from './load-dot-env.ts';
import { UsageError } from './usage-error.ts';

/**
 * Runs the command that the arguments name, and prints its outcome. It never throws: every error is printed.
 * @param argv what follows the program's name.
 * @returns the exit code.
 */
export async function runCommandLine(commands: Commands, argv: readonly string[]): Promise<ExitCode> {
  // Looked for before the arguments are parsed: their errors are JSON documents too.
  const terminal = createTerminal(process.stdout, process.stderr, argv.includes('--json'));
  process.once('uncaughtException', (error) => process.exit(showError(error, terminal)));
  try {
    loadDotEnv(process.env);
    const parsed = parseArguments(commands, argv, process.env);
    if (parsed.kind === 'help') {
      terminal.print(parsed.text);
      return EXIT.complete;
    }
    const settings = parseLocalSettings(process.env);
    const log = createJsonLinesLog(settings.logLevel, systemClock, terminal.printError);
    const interrupt = watchInterrupts(process, () => performance.now(), {
      first: () => terminal.note('Finishing the requests under way. Press Ctrl-C again to leave at once.'),
      second: () => {
        terminal.note('Left at once. The next run continues from what is stored.');
        process.exit(EXIT.interrupted);
      },
    });
    const { command, options, positionals } = parsed;
    return show(await command.run({ settings, terminal, log, interrupt }, options, positionals), terminal);
  } catch (error) {
    return showError(error, terminal);
  }
}

function show(outcome: Outcome, terminal: Terminal): ExitCode {
  if ('text' in outcome) terminal.print(terminal.json ? JSON.stringify(outcome.document) : outcome.text);
  return outcome.exitCode;
}

function showError(error: unknown, terminal: Terminal): ExitCode {
  if (process.env['LOG_LEVEL'] === 'debug') terminal.printError(inspect(error));
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
