import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from 'jest';
import stopPostgres from './stop-postgres.ts';
import { createTemplate, startServer } from './test-server.ts';

/**
 * Jest's global setup: every worker finds the server and the migrated template in its environment, and a place where Node
 * keeps what it compiled, beside Jest's own: processes that tests start are up in half the time. The folder for templates of
 * the stack is empty: the first test that asks for one has them made.
 */
export default async function startPostgres(_: unknown, { cacheDirectory = '' }: Config): Promise<void> {
  process.env['NODE_COMPILE_CACHE'] = join(cacheDirectory, 'compiled');
  process.env['TEST_TEMPLATES'] = mkdtempSync(join(tmpdir(), 'crypto-prices-templates-'));
  const { description, url } = await startServer();
  process.stderr.write(`PostgreSQL of the tests: ${description}\n`);
  process.env['TEST_POSTGRES_URL'] = url;
  try {
    process.env['TEST_POSTGRES_TEMPLATE'] = await createTemplate(url);
  } catch (error) {
    // Jest runs no teardown after a setup that failed. Why it failed says more than a failure to clean up.
    await stopPostgres().catch(() => {});
    throw error;
  }
}
