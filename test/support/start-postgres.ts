import { createTemplate, startServer } from './test-server.ts';

/** Jest's global setup: every worker finds the server and the migrated template in its environment. */
export default async function startPostgres(): Promise<void> {
  const { description, url } = await startServer();
  process.env['TEST_POSTGRES_URL'] = url;
  process.env['TEST_POSTGRES_TEMPLATE'] = await createTemplate(url);
  process.stderr.write(`PostgreSQL of the tests: ${description}\n`);
}
