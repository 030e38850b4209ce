import { expect, test } from '@jest/globals';
import type { LogLevel } from '../../ingestion/read-settings.ts';
import { createJsonLinesLog } from '../../local/output/terminal.ts';

function logAll(least: LogLevel, fields: Record<string, unknown> = {}): Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = [];
  const log = createJsonLinesLog(least, { now: () => Date.UTC(2026, 0, 31) }, (line) => lines.push(JSON.parse(line)));
  for (const level of ['debug', 'info', 'warn', 'error'] as const) log[level](`at ${level}`, fields);
  return lines;
}

test('a line is one JSON object with its moment, level, message and fields', () => {
  expect(logAll('error', { runId: 'r' })).toEqual([
    { timestamp: '2026-01-31T00:00:00.000Z', level: 'error', message: 'at error', runId: 'r' },
  ]);
});

test.each([
  ['debug', ['debug', 'info', 'warn', 'error']],
  ['info', ['info', 'warn', 'error']],
  ['warn', ['warn', 'error']],
  ['error', ['error']],
] as const)('at %s the levels %j are written', (least, levels) => {
  expect(logAll(least).map(({ level }) => level)).toEqual(levels);
});

test('an error among the fields keeps its name, message and cause; its stack only at debug', () => {
  const error = new RangeError('too far', { cause: new Error('a stone') });
  const shown = { name: 'RangeError', message: 'too far', cause: { name: 'Error', message: 'a stone' } };
  expect(logAll('error', { error })).toMatchObject([{ error: shown }]);
  expect(JSON.stringify(logAll('error', { error }))).not.toContain('stack');
  expect(JSON.stringify(logAll('debug', { error }))).toContain('stack');
});
