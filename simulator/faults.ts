import { type Chart, EMPTY_CHART, type Granularity, mapChart } from './chart.ts';
import { htmlPage, json, type Reply, rateLimited, serverError } from './replies.ts';

/** What goes wrong with one request. */
export type Fault =
  // In place of the answer.
  /** The connection breaks. */
  | { readonly kind: 'reset' }
  /** A 429: with `Retry-After` where seconds are given. */
  | { readonly kind: 'rate_limited'; readonly retryAfterSeconds?: number }
  | { readonly kind: 'server_error' }
  /** A web page, with status 200. */
  | { readonly kind: 'html' }
  | { readonly kind: 'reply'; readonly status: number; readonly body: unknown }
  // On the answer's way.
  | { readonly kind: 'latency'; readonly durationMs: number }
  /** Ends after half of the body, as if that were all. */
  | { readonly kind: 'truncated' }
  // In the chart.
  /** Sends this granularity, whatever was asked for. */
  | { readonly kind: 'granularity'; readonly granularity: Granularity }
  /** No samples. */
  | { readonly kind: 'empty' }
  /** Multiplies the middle price. The default of 12 makes it 10 times its neighbours, however they moved. */
  | { readonly kind: 'spike'; readonly factor?: number }
  /** Sends US dollars, whatever currency was asked for. */
  | { readonly kind: 'currency_ignored' }
  /** Repeats the first values. */
  | { readonly kind: 'frozen' };

/** @returns the answer that replaces the proper one; null where the fault replaces none. */
export function replyInstead(fault: Fault | null): Reply | null {
  switch (fault?.kind) {
    case 'rate_limited':
      return rateLimited(fault.retryAfterSeconds);
    case 'server_error':
      return serverError();
    case 'html':
      return htmlPage();
    case 'reply':
      return json(fault.status, fault.body);
    default:
      return null;
  }
}

/** @returns the chart with the fault in it. */
export function spoilChart(fault: Fault | null, chart: Chart): Chart {
  switch (fault?.kind) {
    case 'empty':
      return EMPTY_CHART;
    case 'frozen':
      return mapChart(chart, (samples) => samples.map(([at]) => [at, samples[0]?.[1] ?? null]));
    case 'spike': {
      const { factor = 12 } = fault;
      const middle = Math.floor(chart.prices.length / 2);
      const prices = chart.prices.map(
        ([at, price], index) => [at, index === middle && price !== null ? price * factor : price] as const,
      );
      return { ...chart, prices };
    }
    default:
      return chart;
  }
}
