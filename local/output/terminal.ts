import type { WriteStream } from 'node:tty';
import { styleText } from 'node:util';

type Format = Parameters<typeof styleText>[0];

/** Where a command's words go: its outcome to stdout, everything else to stderr. */
export type Terminal = {
  /** With `--json` no notes are written. */
  readonly json: boolean;
  /** Where a person watches, the stream on which a line may be drawn again; else null. */
  readonly live: WriteStream | null;
  /** Writes the outcome to stdout. */
  print(text: string): void;
  /** Tells a person something on the way. */
  note(text: string): void;
  /** Writes a line to stderr, also with `--json`: logs and errors. */
  printError(text: string): void;
  /** Colours for stdout, where it is a terminal and NO_COLOR is not set. */
  style(format: Format, text: string): string;
};

export function createTerminal(stdout: WriteStream, stderr: WriteStream, json: boolean): Terminal {
  // Whoever reads may have had enough (`| head`): that is no reason to stop an ingestion half-way.
  for (const stream of [stdout, stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  // A progress bar may stand in the line: it draws itself again below.
  const eraseLine = stderr.isTTY ? '\r\x1b[K' : '';
  const printError = (text: string) => void stderr.write(`${eraseLine}${text}\n`);
  return {
    json,
    live: stderr.isTTY && stdout.isTTY && !json ? stderr : null,
    print: (text) => void stdout.write(`${text}\n`),
    note: (text) => {
      if (!json) printError(text);
    },
    printError,
    style: (format, text) => styleText(format, text, { stream: stdout, validateStream: true }),
  };
}
