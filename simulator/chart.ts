import { DAY_MS, HOUR_MS, isWithin, MINUTE_MS, type Span } from './time.ts';

export type Sample = readonly [at: number, value: number | null];

/** An answer of market_chart, with the names that CoinGecko gives its parts. The arrays may differ in length. */
export type Chart = {
  readonly prices: readonly Sample[];
  readonly market_caps: readonly Sample[];
  readonly total_volumes: readonly Sample[];
};

export type Granularity = '5min' | 'hourly' | 'daily';

export const EMPTY_CHART: Chart = { prices: [], market_caps: [], total_volumes: [] };

/** @returns the granularity that CoinGecko chooses for a span: up to a day, up to 90 days, and above. */
export function granularityOf(spanMs: number): Granularity {
  if (spanMs <= DAY_MS) return '5min';
  return spanMs <= 90 * DAY_MS ? 'hourly' : 'daily';
}

/** @returns the granularity of samples by their median spacing; hourly where a single sample tells nothing. */
export function measuredGranularity(samples: readonly Sample[]): Granularity {
  const times = samples.map(([at]) => at).sort((a, b) => a - b);
  const spacings = times.slice(1).map((at, index) => at - (times[index] ?? at));
  const median = spacings.sort((a, b) => a - b)[Math.floor(spacings.length / 2)] ?? HOUR_MS;
  if (median < 30 * MINUTE_MS) return '5min';
  return median < 12 * HOUR_MS ? 'hourly' : 'daily';
}

/** @returns the chart with each of its arrays changed alike. */
export const mapChart = (chart: Chart, change: (samples: readonly Sample[]) => readonly Sample[]): Chart => ({
  prices: change(chart.prices),
  market_caps: change(chart.market_caps),
  total_volumes: change(chart.total_volumes),
});

export const cutChart = (chart: Chart, span: Span): Chart =>
  mapChart(chart, (samples) => samples.filter(([at]) => isWithin(at, span)));

/** Numbers as CoinGecko writes them: `6.8e-05`, `0.0`; JSON.stringify would write 0.000068 and 0. */
function formatNumber(value: number | null): string {
  if (value === null) return 'null';
  if (value === 0) return '0.0';
  if (value >= 1e-4 || value < 0) return `${value}`;
  return value.toExponential().replace(/e-(\d)$/, 'e-0$1');
}

/** @returns the chart as the body of an answer. */
export function formatChart(chart: Chart): string {
  const array = (samples: readonly Sample[]) =>
    `[${samples.map(([at, value]) => `[${at},${formatNumber(value)}]`).join(',')}]`;
  const { prices, market_caps, total_volumes } = chart;
  return `{"prices":${array(prices)},"market_caps":${array(market_caps)},"total_volumes":${array(total_volumes)}}`;
}
