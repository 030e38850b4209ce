export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** A half-open span of time `[from, to)`, in milliseconds since 1970. */
export type Span = { readonly from: number; readonly to: number };

export const isWithin = (at: number, { from, to }: Span): boolean => at >= from && at < to;

/** @returns 00:00 UTC of a day written `YYYY-MM-DD`. */
export const startOfDay = (day: string): number => Date.parse(`${day}T00:00:00Z`);

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

/** Applies the same change to all three arrays. */
export const mapChart = (chart: Chart, change: (samples: readonly Sample[]) => readonly Sample[]): Chart => ({
  prices: change(chart.prices),
  market_caps: change(chart.market_caps),
  total_volumes: change(chart.total_volumes),
});

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
