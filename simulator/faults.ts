import { type Chart, EMPTY_CHART, type Granularity, mapChart } from './chart.ts';
import { htmlPage, json, type Reply, rateLimited, serverError, throttled } from './replies.ts';

/**
 * What goes wrong with one request.
 *
 * Instead of the answer: `reset` breaks the connection; `rate_limited` is a 429, with `Retry-After` where seconds are
 * given, and the plain text `Throttled` where `isText`; `server_error` (500 unless given); `html` a page with status 200;
 * `reply` any other status and body.
 *
 * On the answer's way: `latency` delays it; `stall` sends the headers and half of the body and then nothing; `truncated`
 * ends after half of the body as if that were all; `oversized` makes the body longer than that many bytes.
 *
 * In a chart: `granularity` sends another one than was asked for; `empty` no samples; `spike` multiplies the middle price
 * (by 12 unless given: 10 times its neighbours, however they moved); `currency_ignored` sends US dollars (of a made-up
 * series); `frozen` repeats the first values.
 */
export type Fault =
  | { readonly kind: 'reset' }
  | { readonly kind: 'rate_limited'; readonly retryAfterSeconds?: number; readonly isText?: boolean }
  | { readonly kind: 'server_error'; readonly status?: number }
  | { readonly kind: 'html' }
  | { readonly kind: 'reply'; readonly status: number; readonly body: unknown }
  | { readonly kind: 'latency'; readonly durationMs: number }
  | { readonly kind: 'stall' }
  | { readonly kind: 'truncated' }
  | { readonly kind: 'oversized'; readonly bytes: number }
  | { readonly kind: 'granularity'; readonly granularity: Granularity }
  | { readonly kind: 'empty' }
  | { readonly kind: 'spike'; readonly factor?: number }
  | { readonly kind: 'currency_ignored' }
  | { readonly kind: 'frozen' };

/** @returns the answer that the fault puts in place of the proper one; null where there is none. */
export function replyInstead(fault: Fault | null): Reply | null {
  switch (fault?.kind) {
    case 'rate_limited':
      return fault.isText ? throttled() : rateLimited(fault.retryAfterSeconds);
    case 'server_error':
      return serverError(fault.status ?? 500);
    case 'html':
      return htmlPage();
    case 'reply':
      return json(fault.status, fault.body);
    default:
      return null;
  }
}

/** @returns the chart as the fault leaves it. */
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
