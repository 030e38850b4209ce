import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Cloud, startCloud } from '../support/cloud.ts';
import { invokeHandler } from '../support/invoke-handler.ts';
import { type TestDatabase, useTestDatabase } from '../support/test-database.ts';
import { startTestIngestion } from '../support/test-ingestion.ts';

const run = promisify(execFile);
const database: TestDatabase = await useTestDatabase();
let cloud: Cloud;
let runId: string;
beforeAll(async () => {
  cloud = await startCloud();
  const ingestion = await startTestIngestion({ databaseUrl: database.url, now: new Date().toISOString() });
  ({ runId } = (await ingestion.run()).verdict);
  await ingestion.close();
});
afterAll(() => cloud.close());

const ask = async (event: unknown) => {
  const [invocation] = await invokeHandler('functions/status/handler.ts', [event], cloud.environment(database.url));
  return invocation;
};

/** What the local command prints for the same database. */
async function printed(...args: string[]): Promise<unknown> {
  const command = ['--import', './bin/require-node.mjs', 'bin/ingest.ts', 'status', '--json', ...args];
  const env = { ...process.env, DATABASE_URL: database.url };
  const { stdout } = await run(process.execPath, command, { env, cwd: join(import.meta.dirname, '../..') });
  return JSON.parse(stdout);
}

/** They were asked a moment apart. */
const withoutClock = (status: unknown) =>
  Object.fromEntries(Object.entries(status as object).filter(([key]) => !/^now$|hours/i.test(key)));

describe('the status function', () => {
  test('answers what npm run status -- --json prints', async () => {
    const answer = withoutClock((await ask({}))?.result);
    expect(answer).toEqual(withoutClock(await printed()));
    expect(answer['runs']).toEqual([expect.objectContaining({ runId, status: 'complete' })]);
  });

  test('answers the same for one run, with its series and findings', async () => {
    const answer = withoutClock((await ask({ runId }))?.result);
    expect(answer).toEqual(withoutClock(await printed('--run', runId)));
    expect(answer['runs']).toEqual([expect.objectContaining({ runId, series: expect.any(Array), findings: [] })]);
  });

  test('is asked without an event too, as the console does', async () => {
    expect(await ask(null)).toMatchObject({ result: { runs: [{ runId }] } });
  });

  test.each([
    ['no id', { runId: 'the last one' }, 'runId'],
    ['another field', { run: 'x' }, 'run'],
  ])('%s is refused, by the name of the field', async (_, event, field) => {
    expect((await ask(event))?.error).toMatch(new RegExp(`This is not a question for the status: .*${field}`));
  });
});
