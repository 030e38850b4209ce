import { makeSeries, randomAt, SEED, streamKey } from './price-series.ts';

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** @returns 00:00 UTC of a day written `YYYY-MM-DD`. */
export const startOfDay = (day: string): number => Date.parse(`${day}T00:00:00Z`);

/** A half-open span of time `[from, to)`, in milliseconds since 1970. */
type Span = { readonly from: number; readonly to: number };

export type Sample = readonly [at: number, value: number | null];

/** A market_chart answer, with CoinGecko's own names. The arrays may differ in length. */
export type Chart = Readonly<Record<'prices' | 'market_caps' | 'total_volumes', readonly Sample[]>>;

// Called for every sample: in the test runner's contexts, looking up a global each time is slow.
const { floor, imul } = Math;

/** One coin, in one currency or, where none is given, in all. */
type Selection = { readonly coin: string; readonly currency?: string };

/** What happened to the source's data, beside what chance decides. Days are UTC, `YYYY-MM-DD`. */
export type History = {
  /** Days without samples. Where `hours` (0–23) are given, only these have none. */
  readonly daysWithoutData?: readonly (Selection & { readonly day: string; readonly hours?: readonly number[] })[];
  /** The first day of each coin that was listed late. */
  readonly listedSince?: Readonly<Record<string, string>>;
  /** A revision multiplies all figures from that day on: those of one coin or currency where named, else of all. */
  readonly revision?: Partial<Selection> & { readonly from: string; readonly factor: number };
};

export type SyntheticSource = {
  /** The share of days with empty or doubled hours, or with unknown market caps: 0 to 1. */
  readonly disturbedShare: number;
  readonly history: History;
  readonly hasFixedRates?: boolean;
};

/** One answer to make up. `tailAt` is the moment of the tail; null for an answer without one. */
export type ChartRequest = Required<Selection> & {
  readonly span: Span;
  /** One sample a day, as CoinGecko sends them of over 90 days; else hourly ones. */
  readonly isDaily: boolean;
  readonly tailAt: number | null;
};

/** CoinGecko has no prices before this day. */
export const FIRST_DAY = '2013-04-28';

const names = (selection: Partial<Selection>, { coin, currency }: Required<Selection>): boolean =>
  (selection.coin ?? coin) === coin && (selection.currency ?? currency) === currency;

/** @returns whether the series has no data at a moment. */
function makeIsAbsent(history: History, series: Required<Selection>): (at: number) => boolean {
  const listedAt = startOfDay(history.listedSince?.[series.coin] ?? FIRST_DAY);
  const absences = (history.daysWithoutData ?? [])
    .filter((absence) => names(absence, series))
    .map(({ day, hours }) => ({ start: startOfDay(day), hours }));
  return (at) =>
    at < listedAt ||
    absences.some(
      ({ start, hours }) =>
        at >= start && at < start + DAY_MS && (hours === undefined || hours.includes(floor((at - start) / HOUR_MS))),
    );
}

/** @returns what a revision multiplies the series' figures of a moment by. */
export function revisionFactor({ revision }: History, series: Required<Selection>): (at: number) => number {
  const revisedFrom = revision && names(revision, series) ? startOfDay(revision.from) : Infinity;
  return (at) => (at >= revisedFrom ? (revision?.factor ?? 1) : 1);
}

/** @returns what CoinGecko might have sent. Whatever is asked, a moment has the same sample. */
export function syntheticChart(source: SyntheticSource, request: ChartRequest): Chart {
  const { disturbedShare, history, hasFixedRates } = source;
  const { coin, currency, span, isDaily, tailAt } = request;
  const quoteAt = makeSeries(coin, currency, hasFixedRates);
  const key = streamKey(SEED, coin, 'irregularities');
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

  const times = (isDaily ? dailyTimes(span) : hourlyTimes(key, disturbedShare, span)).filter((at) => !isAbsent(at));
  for (const at of times) add(at);
  if (tailAt !== null && !isAbsent(tailAt)) {
    // A tail's stamp is cut to the second. A tail that repeats the last sample so follows it with an older stamp.
    const second = floor(tailAt / SECOND_MS);
    const last = times.at(-1) ?? 0;
    const repeatsLast = last > second * SECOND_MS || (last > 0 && randomAt(key, second) < 2 * disturbedShare);
    const at = repeatsLast ? last : second * SECOND_MS;
    add(at, floor(at / SECOND_MS) * SECOND_MS);
  }
  return { prices, market_caps: marketCaps, total_volumes: volumes };
}

// When CoinGecko has samples, and when it has none, as recorded answers show. All of it is a pure function of the coin's
// stream and the hour or day: the same in every currency and in every window.

/** Disturbed days: the hours without a sample, and those with two. Each day turns them by some hours. */
const DISTURBED_DAYS: readonly { empty: readonly number[]; double: readonly number[] }[] = [
  { empty: [14, 17, 21], double: [20] }, // 22 samples in 21 hours: thin
  { empty: [9, 15], double: [] }, // 22 samples in 22 hours
  { empty: [14], double: [15] }, // 24 samples in 23 hours
  { empty: [], double: [11] }, // 25 samples
  { empty: [], double: [0, 2, 4] }, // 27 samples
];
const WHOLE_DAY = { empty: [], double: [] };

/** Independent streams of chance for one coin. */
const STREAM = { day: 1, jitter: 2, late: 3, second: 4, capOfDay: 6, capOfHour: 7 } as const;
const stream = (key: number, number: number): number => key ^ imul(number, 0x165667b1);

const pick = <Item>(items: readonly Item[], chance: number): Item | undefined => items[floor(chance * items.length)];

/** Hourly samples lie 0–10 min past the hour, most of them in the first minutes. A late one lies at 57 min. */
function hourlyTimes(key: number, disturbedShare: number, { from, to }: Span): number[] {
  const times: number[] = [];
  for (let day = floor(from / DAY_MS); day * DAY_MS < to; day++) {
    const chance = randomAt(stream(key, STREAM.day), day);
    const { empty, double } = (chance < disturbedShare && pick(DISTURBED_DAYS, chance / disturbedShare)) || WHOLE_DAY;
    for (let hourOfDay = 0; hourOfDay < 24; hourOfDay++) {
      const hour = day * 24 + hourOfDay;
      const place = (hourOfDay + day) % 24;
      if (empty.includes(place)) continue;
      const isDouble = double.includes(place);
      const isLate = !isDouble && randomAt(stream(key, STREAM.late), hour) < disturbedShare / 24;
      const jitter = randomAt(stream(key, STREAM.jitter), hour) ** 2 * 10 * MINUTE_MS;
      times.push(hour * HOUR_MS + floor(isLate ? 57 * MINUTE_MS + jitter / 10 : jitter));
      if (isDouble)
        times.push(hour * HOUR_MS + floor((20 + 30 * randomAt(stream(key, STREAM.second), hour)) * MINUTE_MS));
    }
  }
  return times.filter((at) => at >= from && at < to);
}

/** Daily samples lie exactly at 00:00 UTC. */
function dailyTimes({ from, to }: Span): number[] {
  const times: number[] = [];
  for (let at = Math.ceil(from / DAY_MS) * DAY_MS; at < to; at += DAY_MS) times.push(at);
  return times;
}

/**
 * @returns the market cap as CoinGecko sends it. On some days it is null or 0; both mean unknown. Undefined: the sample
 * is left out, so that the array is shorter than the others.
 */
function sentMarketCap(key: number, disturbedShare: number, at: number, marketCap: number): number | null | undefined {
  const ofDay = randomAt(stream(key, STREAM.capOfDay), floor(at / DAY_MS));
  if (ofDay < disturbedShare) return ofDay < disturbedShare / 2 ? null : 0;
  const ofHour = randomAt(stream(key, STREAM.capOfHour), floor(at / HOUR_MS));
  return ofHour < disturbedShare / 24 ? undefined : marketCap;
}

/** Writes numbers as CoinGecko does: `6.8e-05` and `0.0`, where JSON.stringify writes 0.000068 and 0. */
function formatNumber(value: number | null): string {
  if (value === null) return 'null';
  if (value === 0) return '0.0';
  if (value >= 1e-4 || value < 0) return `${value}`;
  return value.toExponential().replace(/e-(\d)$/, 'e-0$1');
}

/** @returns the body of the answer. */
export function formatChart({ prices, market_caps, total_volumes }: Chart): string {
  const array = (samples: readonly Sample[]) =>
    `[${samples.map(([at, value]) => `[${at},${formatNumber(value)}]`).join(',')}]`;
  return `{"prices":${array(prices)},"market_caps":${array(market_caps)},"total_volumes":${array(total_volumes)}}`;
}
