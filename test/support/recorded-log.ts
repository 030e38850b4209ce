import { inspect } from 'node:util';
import type { Log } from '../../ingestion/ports.ts';

/** A log that keeps its lines, each with level, message and fields. */
export function createRecordedLog(): Log & { readonly lines: readonly Record<string, unknown>[]; text(): string } {
  const lines: Record<string, unknown>[] = [];
  const record = (level: string) => (message: string, fields?: Record<string, unknown>) => {
    lines.push({ level, message, ...fields });
  };
  return {
    debug: record('debug'),
    info: record('info'),
    warn: record('warn'),
    error: record('error'),
    lines,
    /** Everything in the lines, errors with their causes and whatever hangs on them. */
    text: () => inspect(lines, { depth: 20, showHidden: true }),
  };
}
