import stopPostgres from './stop-postgres.ts';
import { createTemplate, startServer } from './test-server.ts';

/** Jest's global setup: every worker finds the server and the migrated template in its environment. */
export default async function startPostgres(): Promise<void> {
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
