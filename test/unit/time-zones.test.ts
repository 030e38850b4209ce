import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';

test('the pure core does the same in every time zone', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['test/support/in-time-zones.ts']);
  const [utc, ...others] = JSON.parse(stdout) as { offset: number; all: string }[];
  expect(others.map(({ offset }) => offset)).toEqual([300, -540, 660]);
  expect(JSON.parse(utc?.all ?? '')).toContain(Date.parse('2024-02-28T00:00:00Z'));
  for (const { all } of others) expect(all).toBe(utc?.all);
});
