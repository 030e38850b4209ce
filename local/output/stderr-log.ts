import type { Clock, Log } from '../../ingestion/ports.ts';
import type { LogLevel } from '../../ingestion/settings.ts';

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/**
 * A log of JSON lines: `{"timestamp","level","message",…fields}`. Errors among the fields become their name and
 * message, with the stack at level debug only.
 * @param least the lowest level that is written.
 */
export function createJsonLinesLog(least: LogLevel, clock: Pick<Clock, 'now'>, write: (line: string) => void): Log {
  const plain = (_key: string, value: unknown): unknown =>
    value instanceof Error
      ? {
          name: value.name,
          message: value.message,
          ...(least === 'debug' && { stack: value.stack }),
          cause: value.cause,
        }
      : value;
  const logAt = (level: LogLevel) => (message: string, fields?: Record<string, unknown>) => {
    if (RANK[level] < RANK[least]) return;
    const timestamp = new Date(clock.now()).toISOString();
    write(JSON.stringify({ timestamp, level, message, ...fields }, plain));
  };
  return { debug: logAt('debug'), info: logAt('info'), warn: logAt('warn'), error: logAt('error') };
}
