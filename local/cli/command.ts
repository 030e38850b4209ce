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

/** An option as `--help` shows it. @property value names what a string option takes, e.g. `YYYY-MM-DD`. */
export type Option =
  | { readonly type: 'string'; readonly value: string; readonly multiple?: true; readonly description: string }
  | { readonly type: 'boolean'; readonly description: string };

/** Options by their names without dashes at the front: `dry-run` is given as `--dry-run`. */
export type OptionTable = Readonly<Record<string, Option>>;

/** What was given for the options of a table. An option that was not given is undefined. */
export type OptionValues<Table extends OptionTable> = {
  readonly [Name in keyof Table]?: Table[Name] extends { multiple: true }
    ? readonly string[]
    : Table[Name] extends { type: 'string' }
      ? string
      : Table[Name] extends { type: 'boolean' }
        ? boolean
        : never;
};

/** What a command works with. */
export type CommandContext = {
  readonly settings: LocalSettings;
  readonly terminal: Terminal;
  readonly log: Log;
  /** Aborts at the first Ctrl-C: what is in hand is finished, and nothing new is begun. */
  readonly interrupt: AbortSignal;
};

/** How a command ended. The document is printed with `--json`, else the text; neither where all is written already. */
export type Outcome =
  | { readonly exitCode: ExitCode; readonly document: unknown; readonly text: string }
  | { readonly exitCode: ExitCode };

/**
 * What stands beside the options, in commander's notation: `<needed>`, `[optional]`, and as the last one `<some...>` or
 * `[any...]`.
 */
type PositionalValue<Notation> = Notation extends `${string}...${string}`
  ? readonly string[]
  : Notation extends `<${string}`
    ? string
    : string | undefined;
type PositionalValues<Notations extends readonly string[]> = {
  readonly [Index in keyof Notations]: PositionalValue<Notations[Index]>;
};

export type Command = {
  readonly summary: string;
  readonly positionals: readonly string[];
  readonly options: OptionTable;
  /** @throws IngestionError for everything foreseen. */
  run(
    context: CommandContext,
    options: Readonly<Record<string, unknown>>,
    positionals: readonly unknown[],
  ): Promise<Outcome>;
};

export type Commands = Readonly<Record<string, Command>>;

/** Ties a command's options and positionals to what its `run` is given. */
export const defineCommand = <
  const Table extends OptionTable,
  const Notations extends readonly string[] = readonly [],
>(command: {
  readonly summary: string;
  readonly positionals?: Notations;
  readonly options: Table;
  run(
    context: CommandContext,
    options: OptionValues<Table>,
    positionals: PositionalValues<Notations>,
  ): Promise<Outcome>;
}): Command => ({ positionals: [], ...command });

/** For every command whose outcome programs read. */
export const JSON_OPTION = {
  json: { type: 'boolean', description: 'Print one JSON document on stdout, and nothing else there.' },
} as const satisfies OptionTable;
