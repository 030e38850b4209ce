import type { Chart, Granularity, Sample } from './chart.ts';
import { sampleTimes, sentMarketCap } from './irregularities.ts';
import { makeSeries } from './price-series.ts';
import { randomAt, streamKey } from './random.ts';
import { DAY_MS, HOUR_MS, SECOND_MS, type Span, startOfDay } from './time.ts';

/** One coin, in one currency or, where none is given, in all. */
type Selection = { readonly coin: string; readonly currency?: string };

/** What happened to the source's data, beside what the seed decides. Days are UTC, `YYYY-MM-DD`. */
export type History = {
  /** Days without samples. Where `hours` (0–23) are given, only these have none. */
  readonly daysWithoutData?: readonly (Selection & { readonly day: string; readonly hours?: readonly number[] })[];
  /** The first day of each coin that was listed late. */
  readonly listedSince?: Readonly<Record<string, string>>;
  /** A revision multiplies all figures from that day on: those of one coin or currency where named, else of all. */
  readonly revision?: Partial<Selection> & { readonly from: string; readonly factor: number };
};

export type SyntheticSource = {
  readonly seed: number;
  /** The share of days with empty or doubled hours, or with unknown market caps: 0 to 1. */
  readonly disturbedShare: number;
  readonly history: History;
  /** Rates between currencies stand still. */
  readonly hasFixedRates?: boolean;
};

/** One answer to make up. `tailAt` is the moment of the tail; null for an answer without one. */
export type ChartRequest = {
  readonly coin: string;
  readonly currency: string;
  readonly span: Span;
  readonly granularity: Granularity;
  readonly tailAt: number | null;
};

/** CoinGecko has no prices before this day. */
export const FIRST_DAY = '2013-04-28';

const names = (selection: Partial<Selection>, { coin, currency }: Required<Selection>): boolean =>
  (selection.coin ?? coin) === coin && (selection.currency ?? currency) === currency;

/** @returns a function that tells whether the series has no data at a moment. */
function makeIsAbsent(history: History, series: Required<Selection>): (at: number) => boolean {
  const listedAt = startOfDay(history.listedSince?.[series.coin] ?? FIRST_DAY);
  const absences = (history.daysWithoutData ?? [])
    .filter((absence) => names(absence, series))
    .map(({ day, hours }) => ({ start: startOfDay(day), hours }));
  return (at) =>
    at < listedAt ||
    absences.some(
      ({ start, hours }) =>
        at >= start &&
        at < start + DAY_MS &&
        (hours === undefined || hours.includes(Math.floor((at - start) / HOUR_MS))),
    );
}

/** @returns what a revision multiplies the series' figures of a moment by. */
export function revisionFactor({ revision }: History, series: Required<Selection>): (at: number) => number {
  const revisedFrom = revision && names(revision, series) ? startOfDay(revision.from) : Infinity;
  return (at) => (at >= revisedFrom ? (revision?.factor ?? 1) : 1);
}

/** @returns what CoinGecko might have sent. Whatever is asked, a moment has the same sample. */
export function syntheticChart(source: SyntheticSource, request: ChartRequest): Chart {
  const { seed, disturbedShare, history, hasFixedRates } = source;
  const { coin, currency, span, granularity, tailAt } = request;
  const quoteAt = makeSeries(seed, coin, currency, hasFixedRates);
  const key = streamKey(seed, coin, 'irregularities');
  const isAbsent = makeIsAbsent(history, { coin, currency });
  const factorAt = revisionFactor(history, { coin, currency });

  const prices: Sample[] = [];
  const marketCaps: Sample[] = [];
  const volumes: Sample[] = [];
  // A tail's stamp may differ from the moment of its values.
  const add = (at: number, stamp = at): void => {
    const factor = factorAt(at);
    const { price, marketCap, volume } = quoteAt(at);
    const sentCap = sentMarketCap(key, disturbedShare, at, marketCap * factor);
    prices.push([stamp, price * factor]);
    if (sentCap !== undefined) marketCaps.push([stamp, sentCap]);
    volumes.push([stamp, volume * factor]);
  };

  const times = sampleTimes(key, granularity, disturbedShare, span).filter((at) => !isAbsent(at));
  for (const at of times) add(at);
  if (tailAt !== null && !isAbsent(tailAt)) {
    // A tail's stamp is cut to the second. A tail that repeats the last sample so follows it with an older stamp.
    const second = Math.floor(tailAt / SECOND_MS);
    const last = times.at(-1) ?? 0;
    const repeatsLast = last > second * SECOND_MS || (last > 0 && randomAt(key, second) < 2 * disturbedShare);
    const at = repeatsLast ? last : second * SECOND_MS;
    add(at, Math.floor(at / SECOND_MS) * SECOND_MS);
  }
  return { prices, market_caps: marketCaps, total_volumes: volumes };
}
