import { DAY_MS, HOUR_MS, isWithin, MINUTE_MS, type Span } from './time.ts';

export type Sample = readonly [at: number, value: number | null];

/** A market_chart answer, with CoinGecko's own names. The arrays may differ in length. */
export type Chart = {
  readonly prices: readonly Sample[];
  readonly market_caps: readonly Sample[];
  readonly total_volumes: readonly Sample[];
};

export type Granularity = '5min' | 'hourly' | 'daily';

export const EMPTY_CHART: Chart = { prices: [], market_caps: [], total_volumes: [] };

/** @returns the granularity that CoinGecko chooses for a span of that length. */
export function granularityOf(spanMs: number): Granularity {
  if (spanMs <= DAY_MS) return '5min';
  return spanMs <= 90 * DAY_MS ? 'hourly' : 'daily';
}

/** @returns the granularity that the samples' median spacing shows; hourly for a single sample, which shows none. */
export function measuredGranularity(samples: readonly Sample[]): Granularity {
  const times = samples.map(([at]) => at).sort((a, b) => a - b);
  const spacings = times.slice(1).map((at, index) => at - (times[index] ?? at));
  const median = spacings.sort((a, b) => a - b)[Math.floor(spacings.length / 2)] ?? HOUR_MS;
  if (median < 30 * MINUTE_MS) return '5min';
  return median < 12 * HOUR_MS ? 'hourly' : 'daily';
}

/** Applies the same change to all three arrays. */
export const mapChart = (chart: Chart, change: (samples: readonly Sample[]) => readonly Sample[]): Chart => ({
  prices: change(chart.prices),
  market_caps: change(chart.market_caps),
  total_volumes: change(chart.total_volumes),
});

export const cutChart = (chart: Chart, span: Span): Chart =>
  mapChart(chart, (samples) => samples.filter(([at]) => isWithin(at, span)));

/** Writes numbers as CoinGecko does: `6.8e-05` and `0.0`, where JSON.stringify writes 0.000068 and 0. */
function formatNumber(value: number | null): string {
  if (value === null) return 'null';
  if (value === 0) return '0.0';
  if (value >= 1e-4 || value < 0) return `${value}`;
  return value.toExponential().replace(/e-(\d)$/, 'e-0$1');
}

/** @returns the body of the answer. */
export function formatChart(chart: Chart): string {
  const array = (samples: readonly Sample[]) =>
    `[${samples.map(([at, value]) => `[${at},${formatNumber(value)}]`).join(',')}]`;
  const { prices, market_caps, total_volumes } = chart;
  return `{"prices":${array(prices)},"market_caps":${array(market_caps)},"total_volumes":${array(total_volumes)}}`;
}
