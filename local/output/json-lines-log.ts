import type { Clock, Log } from '../../ingestion/ports.ts';
import type { LogLevel } from '../../ingestion/read-settings.ts';

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
