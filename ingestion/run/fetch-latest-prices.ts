import { judgeLatestRates } from '../domain/cross-rates.ts';
import { SourceError } from '../domain/failure.ts';
import { leftOutOf } from '../domain/latest-price.ts';
import type { Finding } from '../domain/quality.ts';
import { seriesName } from '../domain/series.ts';
import { sendRequest } from './fetch-answer.ts';
import type { Hop } from './hop.ts';
import { Stop } from './open-run.ts';

/** @property stored how many series have a latest price from this run; null where none could be asked for. */
export type LatestPrices = { readonly stored: number | null; readonly findings: readonly Finding[] };

/**
 * Asks what everything costs now, by the requests of the plan, and stores it. Where prices are derived, the answer also
 * proves that all coins have the same rates. A failure is reported and changes nothing.
 */
export async function fetchLatestPrices(hop: Hop): Promise<LatestPrices> {
  const { run, plan, deps } = hop;
  if (plan.latestRequests.length === 0) return { stored: null, findings: [] };
  const ofRun = run.expected.map(({ series }) => series.currency);
  const currencies = [...new Set(run.base ? [run.base.currency, ...ofRun] : ofRun)];
  const findings: Finding[] = [];
  // The first coin may be in each answer.
  const stored = new Set<string>();
  try {
    for (const coins of plan.latestRequests) {
      const asked = { coins, currencies };
      const latest = await sendRequest(null, hop, () => deps.source.fetchLatest(asked, run.lock.lost));
      await deps.repositories.latestPrices.store(run.order.runId, latest);
      if (run.base) findings.push(...judgeLatestRates(latest, run.base));
      for (const one of latest) stored.add(seriesName(one));
      const leftOut = leftOutOf(latest, asked);
      if (leftOut.length > 0) deps.onEvent({ kind: 'latest_left_out', series: leftOut });
    }
    return { stored: stored.size, findings };
  } catch (error) {
    if (!(error instanceof SourceError || error instanceof Stop)) throw error;
    run.lock.lost.throwIfAborted();
    deps.log.warn('The latest prices could not be fetched', { error: error.message });
    deps.onEvent({ kind: 'latest_failed', error: error.message });
    return { stored: stored.size || null, findings };
  }
}
