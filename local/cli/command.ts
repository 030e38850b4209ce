import type { LocalSettings } from '../../ingestion/settings.ts';
import type { JsonLinesLog } from '../output/json-lines-log.ts';
import type { Terminal } from '../output/terminal.ts';

/** What the exit codes say to a script. `interrupted` is a second Ctrl-C, that waited for nothing. */
export const EXIT = { complete: 0, incomplete: 1, wrongUse: 2, lockTaken: 3, interrupted: 130 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** An option as `--help` shows it. @property value names what a string option takes, e.g. `YYYY-MM-DD`. */
export type Option =
  | { readonly type: 'string'; readonly value: string; readonly multiple?: true; readonly description: string }
  | { readonly type: 'boolean'; readonly description: string };
export type OptionTable = Readonly<Record<string, Option>>;

/** What was given for the options of a table; an option that was not given is undefined. */
export type OptionValues<Table extends OptionTable = OptionTable> = {
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
  readonly log: JsonLinesLog;
  /** Aborts at the first Ctrl-C: what is in hand is finished, nothing new is begun. */
  readonly interrupt: AbortSignal;
};

/** What a command came to: printed as JSON with `--json`, else as text. */
export type Outcome = { readonly exitCode: ExitCode; readonly document: unknown; readonly text: string };

export type Command = {
  readonly summary: string;
  readonly options: OptionTable;
  /** @throws IngestionError for everything foreseen. */
  run(context: CommandContext, values: Readonly<Record<string, unknown>>): Promise<Outcome>;
};

/** Ties the options of a command to what its `run` is given. */
export const defineCommand = <const Table extends OptionTable>(command: {
  readonly summary: string;
  readonly options: Table;
  run(context: CommandContext, values: OptionValues<Table>): Promise<Outcome>;
}): Command => command;

/** The option of every command whose outcome programs read. */
export const JSON_OPTION = {
  json: { type: 'boolean', description: 'Print one JSON document on stdout, and nothing else there.' },
} as const satisfies OptionTable;
