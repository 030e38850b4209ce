import { sql } from 'kysely';
import { createCoinGeckoClient } from '../ingestion/coingecko/client.ts';
import { createDatabase } from '../ingestion/database/connection.ts';
import { migrateToLatest } from '../ingestion/database/migrator.ts';
import { aggregate } from '../ingestion/domain/aggregation.ts';
import { addDays, dayOf, daysFrom } from '../ingestion/domain/day.ts';
import { planWindows } from '../ingestion/domain/planning.ts';
import { selectSeries } from '../ingestion/domain/series.ts';
import { systemClock } from '../ingestion/system-clock.ts';
import { silentLog } from '../test/support/silent-log.ts';
import { runOnce } from './bench-ingestion.ts';
import type { Measure } from './measure.ts';
import { universeOf } from './universe-of.ts';
import { withSimulator } from './with-simulator.ts';

const SERIES = 44;
const ROUNDS = 3;

/**
 * (b) The plain way to do it: one request after another, every row kept in memory, then inserts of 500 rows, as an ORM's
 * `createMany` sends them. It checks nothing, keeps no answers, no ledger and no outcomes.
 */
export const plain: Measure = ({ makeDatabase }) =>
  withSimulator({ seriesCount: SERIES }, async (sourceUrl) => {
    const run = { sourceUrl, universe: universeOf(SERIES), requestsPerMinute: 1_000_000 };
    let [own, other] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let round = 0; round < ROUNDS; round += 1) {
      other = Math.min(other, await plainMs(await makeDatabase(), sourceUrl));
      own = Math.min(own, (await runOnce({ ...run, databaseUrl: await makeDatabase() })).verdict.durationMs);
    }
    return [
      [`${SERIES} series × 30 days without a limit, best of ${ROUNDS}`, `${own.toFixed(0)} ms`],
      ['the plain way, one request after another, best of as many', `${other.toFixed(0)} ms`],
      ['how often faster (at least 3)', (other / own).toFixed(2)],
    ];
  });

async function plainMs(url: string, baseUrl: string): Promise<number> {
  const database = createDatabase({ url });
  try {
    await migrateToLatest(database, { waitMs: 0, clock: systemClock, log: silentLog });
    const client = createCoinGeckoClient({ baseUrl, keyHeader: null, apiKey: null, clock: systemClock });
    await sql`create table plain (coin_id text, currency text, day date, open numeric, high numeric, low numeric,
      close numeric, average numeric, volume numeric, primary key (coin_id, currency, day))`.execute(database.db);
    const startedMs = performance.now();
    const today = dayOf(systemClock.now());
    const days = daysFrom(addDays(today, -30), addDays(today, -1));
    const rows: unknown[][] = [];
    for (const series of selectSeries(universeOf(SERIES), {})) {
      for (const planned of planWindows(days, systemClock.now(), 365)) {
        const { samples, receivedAt } = await client.fetchRange(series, planned.window, new AbortController().signal);
        for (const price of aggregate(samples, planned, receivedAt).prices) {
          const { day, open, high, low, close, average, volume } = price;
          rows.push([series.coin, series.currency, day, open, high, low, close, average, volume]);
        }
      }
    }
    for (let start = 0; start < rows.length; start += 500) {
      const values = rows.slice(start, start + 500).map((row) => sql`(${sql.join(row)})`);
      await sql`insert into plain values ${sql.join(values)}`.execute(database.db);
    }
    return performance.now() - startedMs;
  } finally {
    await database.close();
  }
}
