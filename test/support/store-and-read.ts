// Run as a process of its own, so that TZ holds from its start: stores a day with its neighbours, reads everything back
// and prints it.
import { createDatabase } from '../../ingestion/database/connection.ts';
import { readCoverage } from '../../ingestion/database/coverage.ts';
import { readDailyPrices } from '../../ingestion/database/prices.ts';
import { readStatus } from '../../ingestion/database/read-status.ts';
import { createRepositories } from '../../ingestion/database/repositories.ts';
import { daysFrom } from '../../ingestion/domain/day.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { answerWith, BITCOIN, dailyPrice, openRun, runOrder } from './database-fixtures.ts';
import { TWO_COINS } from './two-coins.ts';

const database = createDatabase({ url: process.env['DATABASE_URL'] ?? '' });
const { lock, runs, prices, requests } = createRepositories(database, { clock: systemClock });
const now = Date.parse('2026-03-10T02:00Z');
const runId = '0f0e0d0c-0b0a-4909-8807-060504030201';

const held = await lock.acquire(0);
await openRun(runs, runOrder({ runId }));
// The last Sunday of March is the change to summer time in Europe, the second one in the United States.
const rows = [...daysFrom('2026-03-06', '2026-03-09'), '2011-12-30', '2026-03-29'].map((day) => dailyPrice(day));
await prices.storeAnswer(answerWith(runId, rows));
const id = await requests.begin({ runId, series: BITCOIN, sentAt: now });
await requests.end({ id, endedAt: now + 500, status: 200, isCredited: true });

const status = await readStatus(database, { now, universe: TWO_COINS });
const range = { ...BITCOIN, first: '2026-03-05', last: '2026-03-10' };
const read = {
  rows: await readDailyPrices(database, { from: '2011-01-01', to: '2026-12-31' }),
  states: await prices.dayStates(runId, [range], true),
  coverage: await readCoverage(database, { now, universe: TWO_COINS, from: '2026-02-01', to: '2026-03-10' }),
  status: { ...status, runs: status.runs.map((run) => ({ ...run, lastWriteAt: null })) },
  endedAt: await requests.endedSince(now + 500),
};
await held.release();
await database.close();
console.log(JSON.stringify({ timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone, read }));
