// What the database knows about itself: for the `status` command and Lambda, the metrics and the report page.
import { type Selectable, sql } from 'kysely';
import type { Universe } from '../contract/universe-schema.ts';
import { startOfMonth } from '../domain/credits.ts';
import { type Day, endOf, HOUR_MS, type Instant } from '../domain/day.ts';
import type { LatestPrice } from '../domain/latest-price.ts';
import type { Verdict } from '../domain/verdict.ts';
import type { Database } from './connection.ts';
import {
  newestFinalDay,
  newestPresentDay,
  readAllStoredDays,
  readSeriesCoverage,
  type SeriesCoverage,
  type StoredBySeries,
} from './coverage.ts';
import { readFindings } from './findings.ts';
import { readLatestPrices } from './prices.ts';
import { readCredits } from './request-ledger.ts';
import { readSeriesOutcomes } from './runs.ts';
import { fromRow, toIso } from './statements.ts';
import type { Tables } from './tables.ts';

const RUNS_SHOWN = 10;

/** A run as its row tells it. Moments are ISO 8601 in UTC; counts of days are null until there is a verdict. */
export type RunSummary = Readonly<ReturnType<typeof summaryOf>>;

export type RunDetail = RunSummary & Pick<Verdict, 'series' | 'findings'>;

/**
 * @property newestFinalDay the newest day that is final in every series; null where there is none.
 * @property priceAgeHours since the end of the newest day that every series has, thin, unconfirmed and unavailable ones
 * counted as present; null where there is none.
 * @property data of the whole database, and what daily runs add to it in 30 days: rows of prices and outcomes, for answers and
 * requests are deleted after 90 days. Null until the server has counted its rows.
 */
export type Status = {
  readonly now: string;
  readonly lastCompleteRunAt: string | null;
  readonly hoursSinceComplete: number | null;
  readonly newestFinalDay: Day | null;
  readonly priceAgeHours: number | null;
  readonly creditsThisMonth: number;
  readonly data: { readonly bytes: number; readonly bytesPerMonth: number | null };
  /** What everything cost when a run asked last. `observedAt` is ISO 8601. */
  readonly latestPrices: readonly (Omit<LatestPrice, 'observedAt'> & { readonly observedAt: string })[];
  readonly series: readonly SeriesCoverage[];
  /** The last ten, newest first; only the run asked for where one was, none where it is unknown. */
  readonly runs: readonly (RunSummary | RunDetail)[];
};

/** @param options.runId shows this run only, with its series and findings. */
export async function readStatus(
  database: Database,
  { now, universe, runId }: { now: Instant; universe: Universe; runId?: string },
): Promise<Status> {
  const stored = await readAllStoredDays(database, now);
  return {
    now: toIso(now),
    ...(await readFreshness(database, { now, universe }, stored)),
    data: await readDataSize(database, universe),
    latestPrices: (await readLatestPrices(database)).map((one) => ({ ...one, observedAt: toIso(one.observedAt) })),
    series: await readSeriesCoverage(database, { now, universe }, stored),
    runs: runId === undefined ? await readRuns(database) : await readRun(database, runId),
  };
}

/** How fresh the prices are. */
export async function readFreshness(
  database: Database,
  { now, universe }: { now: Instant; universe: Universe },
  stored: StoredBySeries | null = null,
): Promise<Omit<Status, 'now' | 'data' | 'latestPrices' | 'series' | 'runs'>> {
  const completeAt = await lastCompleteRunAt(database);
  const storedDays = stored ?? (await readAllStoredDays(database, now));
  const presentDay = newestPresentDay(universe, storedDays);
  const hoursSince = (at: Instant) => (now - at) / HOUR_MS;
  return {
    lastCompleteRunAt: completeAt === null ? null : toIso(completeAt),
    hoursSinceComplete: completeAt === null ? null : hoursSince(completeAt),
    newestFinalDay: newestFinalDay(universe, storedDays),
    priceAgeHours: presentDay === null ? null : hoursSince(endOf(presentDay)),
    creditsThisMonth: await readCredits(database.db, startOfMonth(now)),
  };
}

/** By the server's own counts of rows: to count millions takes seconds. */
async function readDataSize({ db }: Database, { coins, currencies }: Universe): Promise<Status['data']> {
  const { rows } = await sql<{ bytes: number; bytesPerDay: number | null }>`
    select pg_database_size(current_database()) as bytes,
      case when min(tuples) > 0 then sum(pg_total_relation_size(oid) / nullif(tuples, 0)) end as "bytesPerDay"
    from (
      select oid, greatest(reltuples, pg_stat_get_live_tuples(oid)) as tuples from pg_class
      where oid in ('daily_prices'::regclass, 'ingestion_series'::regclass)
    ) as growing`.execute(db);
  const { bytes = 0, bytesPerDay = null } = rows[0] ?? {};
  return { bytes, bytesPerMonth: bytesPerDay && Math.round(bytesPerDay * coins.length * currencies.length * 30) };
}

/** @returns when the last complete full run ended. */
async function lastCompleteRunAt({ db }: Database): Promise<Instant | null> {
  const row = await db
    .selectFrom('ingestion_runs')
    .select(({ fn }) => fn.max('finished_at').as('at'))
    .where('status', '=', 'complete')
    .where('is_full_run', '=', true)
    .executeTakeFirst();
  return row?.at?.getTime() ?? null;
}

const newestFirst = ({ db }: Database) => db.selectFrom('ingestion_runs').selectAll().orderBy('started_at', 'desc');

async function readRuns(database: Database): Promise<RunSummary[]> {
  return (await newestFirst(database).limit(RUNS_SHOWN).execute()).map(summaryOf);
}

/** @returns the full run that began last. Requests by hand, however many, don't hide it. */
export async function readLatestFullRun(database: Database): Promise<RunSummary | undefined> {
  const row = await newestFirst(database).where('is_full_run', '=', true).limit(1).executeTakeFirst();
  return row && summaryOf(row);
}

/** @returns the ids of runs that begin so, two of them at most. */
export async function findRunIds({ db }: Database, beginning: string): Promise<string[]> {
  const rows = await db
    .selectFrom('ingestion_runs')
    .select('id')
    .where(sql`id::text`, 'like', `${beginning}%`)
    .limit(2)
    .execute();
  return rows.map(({ id }) => id);
}

async function readRun({ db }: Database, runId: string): Promise<RunDetail[]> {
  const row = await db.selectFrom('ingestion_runs').selectAll().where('id', '=', runId).executeTakeFirst();
  if (!row) return [];
  const outcomes = await readSeriesOutcomes(db, runId);
  const series = outcomes.map(({ errorKind: _, ...outcome }) => outcome);
  return [{ ...summaryOf(row), series, findings: await readFindings(db, runId) }];
}

function summaryOf(row: Selectable<Tables['ingestion_runs']>) {
  const { id: runId, universeSeries, historyDays, ...run } = fromRow(row);
  return {
    ...{ runId, ...run },
    dueAt: toIso(run.dueAt),
    startedAt: toIso(run.startedAt),
    lastWriteAt: run.lastWriteAt === null ? null : toIso(run.lastWriteAt),
    finishedAt: run.finishedAt === null ? null : toIso(run.finishedAt),
    crossRateDays: run.crossRateDays ?? 0,
  };
}
