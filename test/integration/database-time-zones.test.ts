import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { createTestDatabase } from '../support/test-database.ts';

const SCRIPT = join(import.meta.dirname, '../support/store-and-read.ts');

async function storeAndRead(timeZone: string) {
  const database = await createTestDatabase();
  try {
    const env = { ...process.env, TZ: timeZone, DATABASE_URL: database.url };
    const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT], { env });
    return JSON.parse(stdout);
  } finally {
    await database.drop();
  }
}

const inUtc = await storeAndRead('UTC');

test('in UTC every day is read as it was stored', () => {
  expect(inUtc.read.rows.map((row: { day: string }) => row.day)).toEqual([
    ...['2011-12-30', '2026-03-06', '2026-03-07', '2026-03-08', '2026-03-09', '2026-03-29'],
  ]);
  expect(inUtc.read.rows[1].firstSampleAt).toBe(Date.parse('2026-03-06T00:01Z'));
});

// Behind UTC, and ahead of it, where a whole day (2011-12-30) does not exist.
test.each(['America/New_York', 'Pacific/Apia'])('in %s it is read the same as in UTC', async (timeZone) => {
  expect(await storeAndRead(timeZone)).toEqual({ timeZone, read: inUtc.read });
});
