import { spawn } from 'node:child_process';
import { json } from 'node:stream/consumers';
import pg from 'pg';
import { createDatabase } from '../ingestion/database/connection.ts';
import { migrateToLatest } from '../ingestion/database/migrator.ts';
import { systemClock } from '../ingestion/system-clock.ts';
import { silentLog } from '../test/support/silent-log.ts';
import type { Measure } from './measure.ts';
import { universeOf } from './universe-of.ts';

const SERIES = 10_000;
const DAYS = 365;

/** (e) How long `status`, and what a hop's metrics take of it, need on a full table, and the peak memory of that alone. */
export const status: Measure = async ({ makeDatabase }) => {
  const measured = async (seriesCount: number) => {
    const url = await makeDatabase();
    const database = createDatabase({ url });
    await migrateToLatest(database, { waitMs: 0, clock: systemClock, log: silentLog });
    await database.close();
    await fill(url, seriesCount);
    const args = [new URL('./status-child.ts', import.meta.url).pathname, String(seriesCount)];
    const child = spawn(process.execPath, args, {
      env: { ...process.env, DATABASE_URL: url },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    return (await json(child.stdout)) as { statusMs: number; freshnessMs: number; maxRssMiB: number };
  };
  const [few, many] = [await measured(SERIES / 10), await measured(SERIES)];
  const ofSize = `${SERIES.toLocaleString('en')} series × ${DAYS} days`;
  return [
    [`status, ${ofSize} (at most 3,000 ms)`, `${many.statusMs.toFixed(0)} ms`],
    [`freshness for the metrics of a hop, ${ofSize}`, `${many.freshnessMs.toFixed(0)} ms`],
    [
      `peak memory of status, ${ofSize}`,
      `${many.maxRssMiB.toFixed(0)} MiB (a tenth of the series: ${few.maxRssMiB.toFixed(0)} MiB)`,
    ],
  ];
};

/** Final rows of the last year, and one of today. Not through our own connection, whose statements may not take so long. */
async function fill(url: string, seriesCount: number): Promise<void> {
  const { coins, currencies } = universeOf(seriesCount);
  const client = new pg.Client(url);
  await client.connect();
  await client.query('insert into coins select id, id, id from unnest($1::text[]) as id', [coins.map(({ id }) => id)]);
  await client.query('insert into currencies select code, code from unnest($1::text[]) as code', [
    currencies.map(({ code }) => code),
  ]);
  await client.query(`
    insert into series (coin_id, currency, tracked_since) select id, code, current_date - ${DAYS} from coins, currencies;
    insert into ingestion_runs (id, trigger_key, trigger, due_at, request, status, started_at, hops, history_days)
    values (gen_random_uuid(), 'bench', 'cli', now(), '{}', 'running', now(), 1, ${DAYS});
    insert into daily_prices (coin_id, currency, day, open, high, low, close, average, volume, market_cap, sample_count,
      hours_covered, first_sample_at, last_sample_at, is_settled, is_final, revision, run_id, aggregation_version, updated_at)
    select coin_id, currency, day, 100.12345678, 101.2345678, 99.123456, 100.5, 100.123456789, 1e9, 1e12, 24, 24,
      day::timestamp at time zone 'UTC', day::timestamp at time zone 'UTC', true, number > 0, 0, ingestion_runs.id, 1, now()
    from series, ingestion_runs, generate_series(0, ${DAYS}) as number, lateral (select current_date - number as day) as days;
  `);
  await client.query('vacuum analyze');
  await client.end();
}
