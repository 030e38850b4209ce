import { afterEach, expect, test } from '@jest/globals';
import { HOUR_MS, MINUTE_MS } from '../../ingestion/domain/day.ts';
import { emptyTables, useTestDatabase } from '../support/test-database.ts';
import { startTestIngestion, type TestIngestion } from '../support/test-ingestion.ts';

const testDatabase = await useTestDatabase();
let ingestion: TestIngestion;
afterEach(() => ingestion.close());

/**
 * A run of four requests at two a minute. After the second answer the machine's wall clock is set; the source's is not.
 * @returns all that should not depend on it.
 */
async function runWhileSet(byMs: number) {
  ingestion = await startTestIngestion({
    databaseUrl: testDatabase.url,
    now: '2026-11-23T02:00:00Z',
    requestsPerMinute: 2,
    simulator: { now: () => ingestion.clock.monotonicMs(), clock: () => ingestion.clock.monotonicMs() },
  });
  const { clock, database, simulator, events } = ingestion;
  let answers = 0;
  const startedMs = clock.monotonicMs();
  const { verdict, ...result } = await ingestion.run(
    {},
    {
      onEvent({ kind }) {
        if (kind !== 'answered') return;
        answers += 1;
        if (answers !== 2) return;
        clock.setWall(byMs);
        // Nobody sleeps less than this: the third request waits for the permit of the first.
        void clock.advance(MINUTE_MS + 500);
      },
    },
  );
  const rows = await database.db
    .selectFrom('daily_prices')
    .select(['coin_id', 'currency', 'day', 'open', 'high', 'low', 'close', 'average', 'volume', 'market_cap'])
    .select(['sample_count', 'hours_covered', 'is_settled', 'is_thin', 'is_final', 'revision'])
    .orderBy('coin_id')
    .orderBy('currency')
    .orderBy('day')
    .execute();
  const { runId: _, ...counts } = verdict;
  return {
    ...{ counts, result, rows, kinds: events.map(({ kind }) => kind), tookMs: clock.monotonicMs() - startedMs },
    paths: simulator.requests.map(({ path }) => path).sort(),
  };
}

test('a wall clock that is set back or ahead in the middle of a run changes nothing but stamps', async () => {
  const untouched = await runWhileSet(0);
  expect(untouched.counts).toMatchObject({ status: 'complete', requests: 4, storedDays: 120 });
  for (const byMs of [-HOUR_MS, 24 * HOUR_MS]) {
    await ingestion.close();
    await emptyTables(testDatabase);
    expect(await runWhileSet(byMs)).toEqual(untouched);
  }
});
