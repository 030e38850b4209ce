import { COINS_A_LATEST_REQUEST } from '../domain/credits.ts';
import { judgeLatestRates } from '../domain/cross-rates.ts';
import { SourceError } from '../domain/failure.ts';
import type { Finding } from '../domain/finding.ts';
import { leftOutOf } from '../domain/latest-price.ts';
import type { RunDependencies } from '../ports.ts';
import { type FetchOutcome, Stop, stopSignal } from './fetch-windows.ts';
import type { OpenRun } from './open-run.ts';
import { sendRequest } from './send-request.ts';

/** @property stored how many series have a latest price from this run; null where none could be asked for. */
export type LatestPrices = { readonly stored: number | null; readonly findings: readonly Finding[] };

/**
 * Asks what everything costs now, by one request for up to 250 coins, and stores it. Where prices are derived, the answer also
 * proves that all coins have the same rates. A failure is told and changes nothing.
 */
export async function fetchLatestPrices(
  run: OpenRun,
  { limiter, counts }: FetchOutcome,
  deps: RunDependencies,
): Promise<LatestPrices> {
  const { runId } = run.order;
  const currencies = [...new Set(run.expected.map(({ series }) => series.currency)).add(run.base?.currency ?? '')];
  const asked = { currencies: currencies.filter((code) => code !== ''), coins: coinsOf(run) };
  const stop = stopSignal(run, deps);
  const findings: Finding[] = [];
  let stored = 0;
  try {
    for (const coins of requestsFor(asked.coins, run.base?.coin)) {
      const latest = await sendRequest(
        null,
        () => deps.source.fetchLatest({ coins, currencies: asked.currencies }, run.lock.lost),
        { run, limiter, signal: stop.controller.signal, counts, deps },
      );
      await deps.repositories.latestPrices.store(runId, latest);
      if (run.base) findings.push(...judgeLatestRates(latest, run.base));
      stored += latest.length;
      const leftOut = leftOutOf(latest, { ...asked, coins });
      if (leftOut.length > 0) deps.onEvent({ kind: 'latest_left_out', series: leftOut });
    }
    return { stored, findings };
  } catch (error) {
    if (!(error instanceof SourceError || error instanceof Stop)) throw error;
    run.lock.lost.throwIfAborted();
    deps.log.warn('The latest prices could not be fetched', { error: error.message });
    deps.onEvent({ kind: 'latest_failed', error: error.message });
    return { stored: null, findings };
  } finally {
    stop.dispose();
  }
}

/** The first coin comes first: rates are compared with its. */
const coinsOf = ({ base, expected }: OpenRun): string[] => [
  ...new Set([...(base ? [base.coin] : []), ...expected.map(({ series }) => series.coin)]),
];

/** @param always is in each of them. */
function* requestsFor(coins: readonly string[], always: string | undefined): Generator<string[]> {
  const others = coins.filter((coin) => coin !== always);
  const own = always === undefined ? [] : [always];
  const most = COINS_A_LATEST_REQUEST - own.length;
  for (let start = 0; start === 0 || start < others.length; start += most)
    yield [...own, ...others.slice(start, start + most)];
}
