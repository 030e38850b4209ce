import { runOnce, universeOf } from './bench-ingestion.ts';

const { DATABASE_URL: databaseUrl = '', SOURCE_URL: sourceUrl = '' } = process.env;
const universe = universeOf(Number(process.argv[2]));
const { verdict } = await runOnce({ databaseUrl, sourceUrl, universe, requestsPerMinute: 1_000_000 });
if (verdict.status !== 'complete') throw new Error(`The run ended ${verdict.status}: ${verdict.error}`);
console.log(process.resourceUsage().maxRSS);
