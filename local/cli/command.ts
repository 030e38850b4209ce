// What the command line gives a command, and what a command gives back.
import { IngestionError } from '../../ingestion/domain/failure.ts';
import type { Log } from '../../ingestion/ports.ts';
import type { LocalSettings } from '../../ingestion/read-settings.ts';
import type { Terminal } from '../output/terminal.ts';

/** The exit codes, as a script reads them. `interrupted` is a second Ctrl-C, which waits for nothing. */
export const EXIT = {
  complete: 0,
  incomplete: 1,
  wrongUse: 2,
  couldNotAsk: 2,
  lockTaken: 3,
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What the command line takes from its process, and a test from elsewhere. */
export type Host = Pick<
  NodeJS.Process,
  'stdin' | 'stdout' | 'stderr' | 'env' | 'cwd' | 'on' | 'once' | 'removeAllListeners' | 'exit'
>;

export type CommandContext = {
  readonly settings: LocalSettings;
  readonly terminal: Terminal;
  readonly log: Log;
  /** Aborts at the first Ctrl-C: what is in hand is finished, and nothing new is begun. */
  readonly interrupt: AbortSignal;
  readonly host: Host;
};

/** How a command ended. The document is printed with `--json`, else the text; neither where all is written already. */
export type Outcome =
  | { readonly exitCode: ExitCode; readonly document: unknown; readonly text: string }
  | { readonly exitCode: ExitCode };

/** @throws IngestionError for everything foreseen. */
export type CommandFunction<Args extends readonly unknown[]> = (
  context: CommandContext,
  ...args: Args
) => Promise<Outcome>;

/** The command line is not one that the program takes. The message says what was found, and what would be right. */
export class UsageError extends IngestionError {
  override readonly name = 'UsageError';
}
