import { DAY_MS } from '../ingestion/domain/day.ts';
import { systemClock } from '../ingestion/system-clock.ts';
import { runOnce, universeOf } from './bench-ingestion.ts';

const { DATABASE_URL: databaseUrl = '', SOURCE_URL: sourceUrl = '' } = process.env;
const [, , seriesCount, daysAhead] = process.argv.map(Number);
const universe = universeOf(seriesCount ?? 0);
const clock = { ...systemClock, now: () => systemClock.now() + (daysAhead ?? 0) * DAY_MS };
const { verdict } = await runOnce({ databaseUrl, sourceUrl, universe, requestsPerMinute: 1_000_000, clock });
if (verdict.status !== 'complete') throw new Error(`The run ended ${verdict.status}: ${verdict.error}`);
console.log(process.resourceUsage().maxRSS);
