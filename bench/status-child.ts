import { createDatabase } from '../ingestion/database/connection.ts';
import { readFreshness, readStatus } from '../ingestion/database/read-status.ts';
import { universeOf } from './universe-of.ts';

const { DATABASE_URL: url = '' } = process.env;
const database = createDatabase({ url });
const options = { universe: universeOf(Number(process.argv[2])), now: Date.now() };
const timed = async (work: () => Promise<unknown>) => {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
};
const freshnessMs = await timed(() => readFreshness(database, options));
const statusMs = await timed(() => readStatus(database, options));
await database.close();
console.log(JSON.stringify({ freshnessMs, statusMs, maxRssMiB: process.resourceUsage().maxRSS / 1024 }));
