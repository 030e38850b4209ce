import { pipeline } from 'node:stream/promises';
import type { WriteStream } from 'node:tty';
import { styleText } from 'node:util';
import type { Clock, Log } from '../../ingestion/ports.ts';
import type { LogLevel } from '../../ingestion/read-settings.ts';
import { visible } from './format.ts';

type Format = Parameters<typeof styleText>[0];

/** Where a command writes: its outcome to stdout, everything else to stderr. */
export type Terminal = {
  /** Whether `--json` was given: then no notes are written. */
  readonly json: boolean;
  /** The stream on which a progress bar may redraw its line; null when no person is watching. */
  readonly live: WriteStream | null;
  print(text: string): void;
  /** Writes what may be too much to hold to stdout, no faster than it is read, and no more once nobody reads. */
  pipe(chunks: AsyncIterable<string>): Promise<void>;
  /** Whether the writing of such chunks has failed midway: no document can follow on stdout. */
  readonly isCutOff: boolean;
  /** How many characters a line of stdout has; null where that is no terminal. */
  readonly columns: number | null;
  note(text: string): void;
  /** Writes a log line or an error to stderr, with `--json` too. */
  printError(text: string): void;
  /** Colours a text for stdout, when that is a terminal and NO_COLOR is not set. */
  style(format: Format, text: string): string;
};

export function createTerminal(stdout: WriteStream, stderr: WriteStream, json: boolean): Terminal {
  // A reader may stop reading (`| head`). That is no reason to stop an ingestion half-way.
  for (const stream of [stdout, stderr])
    stream.on('error', (error) => {
      if (!isReaderGone(error)) throw error;
    });
  // A progress bar may be in the line. It redraws itself below.
  const eraseLine = stderr.isTTY ? '\r\x1b[K' : '';
  let isCutOff = false;
  const printError = (text: string) => void stderr.write(`${eraseLine}${visible(text)}\n`);
  return {
    json,
    live: stderr.isTTY && stdout.isTTY && !json ? stderr : null,
    print: (text) => void stdout.write(`${visible(text)}\n`),
    async pipe(chunks) {
      try {
        await pipeline(chunks, stdout, { end: false });
      } catch (error) {
        if (isReaderGone(error)) return;
        isCutOff = true;
        throw error;
      }
    },
    get isCutOff() {
      return isCutOff;
    },
    columns: (stdout.isTTY && stdout.columns) || null,
    note: (text) => {
      if (!json) printError(text);
    },
    printError,
    style: (format, text) => styleText(format, text, { stream: stdout, validateStream: true }),
  };
}

const isReaderGone = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'EPIPE';

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/**
 * Makes a log of JSON lines: `{"timestamp","level","message",…fields}`. An error among the fields becomes its name,
 * message and cause; its stack is written at level debug only.
 * @param least the lowest level that is written.
 */
export function createJsonLinesLog(least: LogLevel, clock: Pick<Clock, 'now'>, write: (line: string) => void): Log {
  const plain = (_key: string, value: unknown): unknown => {
    if (!(value instanceof Error)) return value;
    const { name, message, cause, stack } = value;
    return least === 'debug' ? { name, message, stack, cause } : { name, message, cause };
  };
  const logAt = (level: LogLevel) => (message: string, fields?: Record<string, unknown>) => {
    if (RANK[level] < RANK[least]) return;
    const timestamp = new Date(clock.now()).toISOString();
    write(JSON.stringify({ timestamp, level, message, ...fields }, plain));
  };
  return { debug: logAt('debug'), info: logAt('info'), warn: logAt('warn'), error: logAt('error') };
}

/** For a person at a terminal: warnings as sentences. */
export function createPlainLog(note: (text: string) => void): Log {
  const tell = (message: string, { error }: Record<string, unknown> = {}) =>
    note(error === undefined ? `${message}.` : `${message}: ${error instanceof Error ? error.message : error}`);
  return { debug: () => {}, info: () => {}, warn: tell, error: tell };
}
