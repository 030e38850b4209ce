import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { FIRST_RUN_DAYS } from '../support/first-run.ts';
import { startCommand } from '../support/local-command.ts';

test('demo needs nothing but this machine: every day stored, and a page that says the prices are made up', async () => {
  const { code, stdout } = await startCommand(['demo', '--json'], {}).result;
  expect(code).toBe(0);
  const { page, ...verdict } = JSON.parse(stdout);
  expect(verdict).toMatchObject({
    status: 'complete',
    expectedDays: 44 * FIRST_RUN_DAYS,
    storedDays: 44 * FIRST_RUN_DAYS,
    requests: 45,
    latestPrices: 44,
  });
  const html = await readFile(page, 'utf8');
  expect(html).toContain('Demo: these prices are made up.');
  expect(html).toContain('Avalanche');
});

test('a demo that was killed at work leaves nothing behind that the next one stumbles over', async () => {
  const { child, result } = startCommand(['demo'], {});
  // The first words come when the embedded server runs and the database is there.
  await once(child.stderr ?? child, 'data');
  child.kill('SIGKILL');
  await result;
  const { code, stdout } = await startCommand(['demo'], {}).result;
  expect(code).toBe(0);
  const days = (44 * FIRST_RUN_DAYS).toLocaleString('en-US');
  expect(stdout).toContain(`complete: ${days} of ${days} expected days are stored.`);
  expect(stdout).toMatch(/Average prices of \d{4}-\d\d-\d\d \(UTC\):/);
});
