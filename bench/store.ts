import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import { createDatabase, type Database } from '../ingestion/database/connection.ts';
import { migrateToLatest } from '../ingestion/database/migrator.ts';
import { createRepositories } from '../ingestion/database/repositories.ts';
import type { DailyPrice } from '../ingestion/domain/daily-price.ts';
import { addDays, type Day, daysFrom, startOf } from '../ingestion/domain/day.ts';
import { selectSeries } from '../ingestion/domain/series.ts';
import { runIdOf } from '../ingestion/message/run-message.ts';
import { systemClock } from '../ingestion/system-clock.ts';
import { answerWith, dailyPrice, runOrder } from '../test/support/database-fixtures.ts';
import { silentLog } from '../test/support/silent-log.ts';
import type { Measure } from './measure.ts';
import { universeOf } from './universe-of.ts';

const SERIES = 200;
const FIRST_DAY = '2026-01-01';
/** As many days as one request asks for at most. */
const DAYS = 87;

/** (c) Storing answers of 87 days, with checks, ledger, and the answer itself, against a bare COPY into the same table. */
export const store: Measure = async ({ makeDatabase, sharedFolder }) => {
  const database = createDatabase({ url: await makeDatabase() });
  try {
    await migrateToLatest(database, { waitMs: 0, clock: systemClock, log: silentLog });
    const rowsASecond = await storeAll(database);
    const copiedASecond = await copyAll(database, join(sharedFolder, 'daily_prices.copy'));
    return [
      ['rows stored a second', rowsASecond.toFixed(0)],
      ['rows a second of a bare COPY into the same table', copiedASecond.toFixed(0)],
      ['ratio of COPY to storing', (copiedASecond / rowsASecond).toFixed(1)],
    ];
  } finally {
    await database.close();
  }
};

async function storeAll(database: Database): Promise<number> {
  const repositories = createRepositories(database, { clock: systemClock });
  const universe = universeOf(SERIES);
  const series = selectSeries(universe, {});
  const runId = runIdOf('bench:store');
  const held = await repositories.lock.acquire(0);
  const order = runOrder({ runId, dueAt: systemClock.now() });
  await repositories.runs.open(order, { universe, series, historyDays: DAYS, startedAt: systemClock.now() });
  const gapDays = daysFrom(FIRST_DAY, addDays(FIRST_DAY, DAYS - 1)) as [Day, ...Day[]];
  const window = { from: startOf(FIRST_DAY), to: startOf(addDays(FIRST_DAY, DAYS)) };
  const planned = series.map((one) => ({ ...one, ...window }));
  await repositories.runs.plan(runId, planned, []);
  const body = Buffer.from(JSON.stringify({ prices: gapDays.map((day) => [startOf(day), Math.random()]) }));
  const answer = { body, receivedAt: systemClock.now() };
  const answers = series.map((one) => ({
    ...answerWith(runId, gapDays.map(priceOf), { series: one, pricedDays: gapDays, answer }),
    ...{ window, sampleCount: DAYS, firstSampleAt: startOf(FIRST_DAY), trackedSince: FIRST_DAY },
  }));
  const startedAt = performance.now();
  await Promise.all(answers.map((one) => repositories.prices.storeAnswer(one)));
  const rowsASecond = (1000 * SERIES * DAYS) / (performance.now() - startedAt);
  await held.release();
  return rowsASecond;
}

function priceOf(day: Day): DailyPrice {
  const low = 50_000 + Math.random() * 1_000;
  const within = () => low + Math.random() * 1_000;
  const amounts = { volume: Math.random() * 1e10, marketCap: Math.random() * 1e12 };
  return dailyPrice(day, { open: low, high: low + 1_000, low, close: within(), average: within(), ...amounts });
}

/** COPY by the server, from a file on its own machine: nothing else is faster. */
async function copyAll({ db }: Database, file: string): Promise<number> {
  const path = sql.lit(file);
  await writeFile(file, '');
  await chmod(file, 0o666);
  await sql`copy daily_prices to ${path}`.execute(db);
  await db.deleteFrom('daily_prices').execute();
  const startedAt = performance.now();
  await sql`copy daily_prices from ${path}`.execute(db);
  const rows = (1000 * SERIES * DAYS) / (performance.now() - startedAt);
  await rm(file);
  return rows;
}
