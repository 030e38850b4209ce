import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import pg from 'pg';
import { createDatabase, type Database } from '../../ingestion/database/connection.ts';
import { createRepositories } from '../../ingestion/database/repositories.ts';
import { TIME_LIMITS } from '../../ingestion/database/time-limits.ts';
import { LockLostError, LockTakenError } from '../../ingestion/domain/failure.ts';
import { runIdOf } from '../../ingestion/message/run-message.ts';
import type { Clock, IngestionLock, PriceRepository, Repositories } from '../../ingestion/ports.ts';
import { randomAt, streamKey } from '../../simulator/price-series.ts';
import { answerWith, dailyPrice, openRun } from '../support/database-fixtures.ts';
import { emptyTables, useTestDatabase } from '../support/test-database.ts';
import { startTestIngestion, type TestIngestion } from '../support/test-ingestion.ts';

const NOW = '2026-11-23T02:00:00Z';
const DAYS = { from: '2026-11-11', to: '2026-11-20' };
/** So short that no test waits for long; the order of events is the same. */
const LIMITS = { ...TIME_LIMITS, fenceTryMs: 50, fenceWaitMs: 300 };

const testDatabase = await useTestDatabase();
const observer = createDatabase({ url: testDatabase.url });
afterAll(observer.close);
await recordWrites(observer);

let older: TestIngestion;
let newer: TestIngestion;
beforeEach(async () => {
  await emptyTables(testDatabase);
  await sql`truncate writes`.execute(observer.db);
  const options = { databaseUrl: testDatabase.url, now: NOW, limits: LIMITS };
  [older, newer] = [await startTestIngestion(options), await startTestIngestion(options)];
});
afterEach(async () => {
  await older.close();
  await newer.close();
});

/** Of each row that a run commits, notes the run and, at the moment of the commit, whose turn it is. */
async function recordWrites({ db }: Database): Promise<void> {
  await sql`create table writes (table_name text, run_id uuid, token bigint)`.execute(db);
  await sql`
    create function note_write() returns trigger language plpgsql as $$ begin
      insert into writes select tg_table_name, coalesce(to_jsonb(new) ->> 'run_id', to_jsonb(new) ->> 'id')::uuid, number
      from ingestion_fence where to_jsonb(new) ->> 'status' is distinct from 'interrupted';
      return null;
    end $$`.execute(db);
  const runTables = ['ingestion_series', 'ingestion_runs', 'quality_findings'];
  for (const table of ['daily_prices', 'answers', 'requests', ...runTables]) {
    await sql`
      create constraint trigger note_write after insert or update on ${sql.table(table)}
      deferrable initially deferred for each row execute function note_write()`.execute(db);
  }
}

/** @returns the runs that wrote under two fencing tokens: there must be none. */
async function runsThatWroteOutOfTurn(): Promise<string[]> {
  const { rows } = await sql<{ run_id: string }>`
    select run_id from writes group by run_id having count(distinct token) > 1`.execute(observer.db);
  return rows.map(({ run_id }) => run_id);
}

const LOCK_HOLDERS = sql`from pg_locks where locktype = 'advisory'
  and database = (select oid from pg_database where datname = current_database())`;
const cutLock = () => sql`select pg_terminate_backend(pid, 5000) ${LOCK_HOLDERS}`.execute(observer.db);
const isLockHeld = async () => (await sql`select ${LOCK_HOLDERS}`.execute(observer.db)).rows.length > 0;

const writersOf = async (runId: string) => {
  const { rows } = await sql<{ table_name: string }>`
    select distinct table_name from writes where run_id = ${runId} order by 1`.execute(observer.db);
  return rows.map(({ table_name }) => table_name);
};
const statusOf = async (runId: string) =>
  (await observer.db.selectFrom('ingestion_runs').select('status').where('id', '=', runId).executeTakeFirst())?.status;

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}
const isWaiting = (statement: string) => async () => {
  const { rows } = await sql`
    select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
      and query like ${`%${statement}%`}`.execute(observer.db);
  return rows.length > 0;
};

/** A network that swallows what the server says of the lock's end: its holder works on, and only the fence stops it. */
function deaf(database: Database): Repositories {
  const withLimits: Database['withLimits'] = (limits) => {
    const limited = database.withLimits(limits);
    const connect = async () => {
      const client = await limited.connect();
      return Object.assign(client, { on: () => client });
    };
    return { ...limited, connect };
  };
  return createRepositories({ ...database, withLimits }, { clock: older.clock });
}

describe.each([
  ['first', 'select from series for update', 'insert into "answers"'],
  ['last', 'select from ingestion_runs for no key update', 'update "ingestion_runs" set "last_write_at"'],
])('a store transaction that is held at its %s statement while another run takes over', (_, holding, held) => {
  const order = { triggerKey: 'older', request: { ...DAYS, coins: ['bitcoin'], currencies: ['usd'] } };
  let holder: pg.Client;
  beforeEach(async () => {
    holder = new pg.Client(testDatabase.url);
    await holder.connect();
  });
  afterEach(() => holder.end());

  /** @returns the older run, which has lost its lock without knowing, in the middle of storing its answer. */
  async function startOlder(): Promise<{ failure: Promise<unknown> }> {
    const repositories = deaf(older.database);
    const storeAnswer: PriceRepository['storeAnswer'] = async (answer) => {
      await holder.query(`begin; ${holding}`);
      return await repositories.prices.storeAnswer(answer);
    };
    const failure = older
      .run(order, { repositories: { ...repositories, prices: { ...repositories.prices, storeAnswer } } })
      .catch((error: unknown) => error);
    await until(isWaiting(held));
    await cutLock();
    return { failure };
  }

  test('is waited for; what it commits, it commits before the newer run begins', async () => {
    const { failure } = await startOlder();
    const run = newer.run({ ...order, triggerKey: 'newer' });
    await until(isWaiting('update ingestion_fence'));
    await holder.query('rollback');
    expect((await run).verdict.status).toBe('complete');
    expect(await failure).toBeInstanceOf(LockLostError);
    expect(await statusOf(runIdOf('older'))).toBe('interrupted');
    expect(await runsThatWroteOutOfTurn()).toEqual([]);
  });

  test('is ended when it takes too long; nothing of it stays', async () => {
    const { failure } = await startOlder();
    const repositories = createRepositories(newer.database, { clock: newer.clock });
    const lock: IngestionLock = {
      async acquire(waitMs) {
        const taken = await repositories.lock.acquire(waitMs);
        await holder.query('rollback');
        return taken;
      },
    };
    const run = newer.run({ ...order, triggerKey: 'newer' }, { repositories: { ...repositories, lock } });
    expect((await run).verdict.status).toBe('complete');
    expect(await failure).toBeInstanceOf(Error);
    expect(await statusOf(runIdOf('older'))).toBe('interrupted');
    expect(await writersOf(runIdOf('older'))).not.toContain('daily_prices');
    expect(await runsThatWroteOutOfTurn()).toEqual([]);
  });
});

/** FENCE_CUTS=50 cuts more of them. */
const CUTS = Number(process.env['FENCE_CUTS'] ?? 15);
const MORE = 'FENCE_CUTS' in process.env ? '' : ' (FENCE_CUTS=50 for 50)';

test(`of ${CUTS} runs whose lock is cut at a random moment none writes out of turn, and the next rows stay${MORE}`, async () => {
  const request = { ...DAYS, coins: ['bitcoin'], refetch: true };
  const runRevised = (ingestion: TestIngestion, nth: number, repositories?: Repositories) => {
    // The source has changed all its values since the last run: whoever writes last is seen in the rows.
    ingestion.simulator.setHistory({ revision: { from: '2026-01-01', factor: 1 + nth / 1_000 } });
    return ingestion.run({ triggerKey: `run:${nth}`, request }, repositories && { repositories });
  };
  // The first run makes its connections, and takes longer. A cut comes while the lock is held.
  await runRevised(older, 0);
  const usual = runRevised(older, 1);
  await until(isLockHeld);
  const heldAt = performance.now();
  await usual;
  const usualMs = performance.now() - heldAt;

  // Its last third only judges and says what came of it.
  const key = streamKey('cuts');
  let cuts = 0;
  for (let round = 1; round <= CUTS; round += 1) {
    const isDeaf = randomAt(key, 2 * round) < 0.5;
    let isOver = false;
    const first = runRevised(older, 2 * round, isDeaf ? deaf(older.database) : undefined)
      .catch((error: unknown) => error)
      .finally(() => {
        isOver = true;
      });
    // One that finds its connections cut by the round before may be over before anybody looks.
    await until(async () => isOver || (await isLockHeld()));
    await new Promise((resolve) => setTimeout(resolve, 0.4 * usualMs * randomAt(key, 2 * round + 1)));
    await cutLock();
    const { verdict } = await runRevised(newer, 2 * round + 1);
    expect(verdict.status).toBe('complete');
    if ((await first) instanceof Error) cuts += 1;

    const rows = observer.db.selectFrom('daily_prices').select('run_id').distinct();
    const written = await rows.where('day', '>=', DAYS.from).where('day', '<=', DAYS.to).execute();
    expect(written).toEqual([{ run_id: verdict.runId }]);
    expect(await statusOf(verdict.runId)).toBe('complete');
    expect(await runsThatWroteOutOfTurn()).toEqual([]);
  }
  // Not all of them came too late to cut anything.
  expect(cuts).toBeGreaterThan(CUTS / 5);
}, 120_000);

describe('without the right to end another role’s session', () => {
  const role = `weak_${process.pid}`;
  beforeEach(async () => {
    await sql`create role ${sql.id(role)} login password 'weak'`.execute(observer.db);
    await sql`grant select, update on ingestion_fence to ${sql.id(role)}`.execute(observer.db);
  });
  afterEach(async () => {
    await sql`drop owned by ${sql.id(role)}`.execute(observer.db);
    await sql`drop role ${sql.id(role)}`.execute(observer.db);
  });

  test('the session to end and the missing right are named', async () => {
    const url = Object.assign(new URL(testDatabase.url), { username: role, password: 'weak' });
    const weak = createDatabase({ url: url.href }, { limits: LIMITS });
    const holder = new pg.Client(testDatabase.url);
    await holder.connect();
    await holder.query('begin; select from ingestion_fence for share');
    const { lock } = createRepositories(weak, { clock: newer.clock });
    const taken = await lock.acquire(0).catch((error: unknown) => error);
    await holder.end();
    await weak.close();
    expect(taken).toBeInstanceOf(LockTakenError);
    expect(String(taken)).toMatch(
      /still writes, in the session \d+ of the role .* grant pg_signal_backend to this role/,
    );
  });
});

test('nothing is written without the lock', async () => {
  const { lock, runs, prices } = createRepositories(newer.database, { clock: newer.clock });
  await expect(openRun(runs)).rejects.toThrow(LockLostError);
  const held = await lock.acquire(0);
  const runId = await openRun(runs);
  await held.release();
  await expect(prices.storeAnswer(answerWith(runId, [dailyPrice('2026-03-01')]))).rejects.toThrow(LockLostError);
});

/** Sleeping moves it on; what happens meanwhile is up to the test. */
function clockThat(onSleep: (now: number) => Promise<void>): Clock {
  let now = 0;
  return {
    now: () => now,
    monotonicMs: () => now,
    async sleep(durationMs) {
      now += durationMs;
      await onSleep(now);
    },
  };
}
const lockOf = (onSleep: (now: number) => Promise<void> = async () => {}) =>
  createRepositories(observer, { clock: clockThat(onSleep) }).lock;

test('a lock that stays taken is waited for as long as asked, no longer', async () => {
  const held = await lockOf().acquire(0);
  const sleeps: number[] = [];
  const patient = lockOf(async (now) => void sleeps.push(now));
  const taken = patient.acquire(2_500);
  await expect(taken).rejects.toThrow(LockTakenError);
  await expect(taken).rejects.toThrow('Another ingestion is running on this database, still so after 2.5 s of waiting');
  expect(sleeps).toEqual([1_000, 2_000, 2_500]);
  await held.release();
});

test('a lock that comes free while it is waited for is taken', async () => {
  const held = await lockOf().acquire(0);
  const patient = lockOf(async (now) => void (now === 3_000 && (await held.release())));
  await (await patient.acquire(60_000)).release();
  // A release is no loss.
  expect(held.lost.aborted).toBe(false);
});
