import * as z from 'zod';
import { firstIssue, show } from '../contract/show.ts';
import type { Samples } from '../domain/daily-price.ts';
import type { Instant } from '../domain/day.ts';
import { SourceError } from '../domain/failure.ts';
import type { AskedPrices, LatestPrice } from '../domain/latest-price.ts';

/**
 * No coin is older than Bitcoin's first block. What matters is that a stamp in seconds (which reads as January 1970) or
 * in microseconds falls outside.
 */
const EARLIEST_STAMP = Date.UTC(2009, 0, 3);
const LATEST_STAMP = Date.UTC(2100, 0, 1);

type Point = readonly [Instant, unknown];

/** The value may be anything, or not there: one bad price is a rejected sample, and no reason to refuse the answer. */
const isPoint = (point: unknown): point is Point => Array.isArray(point) && isStamp(point[0]);

const isStamp = (stamp: unknown): boolean =>
  Number.isInteger(stamp) && Number(stamp) >= EARLIEST_STAMP && Number(stamp) < LATEST_STAMP;

// A schema for each of 6,000 points took zod longer than JSON.parse the whole answer.
const Points = z
  .custom<unknown[]>(Array.isArray, 'expected an array')
  .transform((points, context): { points: readonly Point[]; strayPoints: number } => {
    const readable = points.filter(isPoint);
    if (readable.length > 0 || points.length === 0)
      return { points: readable, strayPoints: points.length - readable.length };
    // All of them: that is another shape.
    const [point] = points;
    const [path, expected, input] = Array.isArray(point)
      ? [[0, 0], 'whole milliseconds between 2009 and 2100', point[0]]
      : [[0], '[milliseconds, value]', point];
    context.issues.push({ code: 'custom', input, path, message: `expected ${expected}, found ${show(input)}` });
    return z.NEVER;
  });

/** Prices decide. Of caps and volumes an odd one, or all of them, may be missing: they are unknown then. */
const Quantities = z
  .unknown()
  .transform((points): readonly Point[] => (Array.isArray(points) ? points.filter(isPoint) : []));

const Chart = z.object({ prices: Points, market_caps: Quantities.optional(), total_volumes: Quantities.optional() });

/** @returns the samples of a stored body, as `parseSamples` reads them. @throws SourceError `malformed` */
export const parseAnswer = (body: Uint8Array): Samples => parseSamples(readJson(body) ?? refuseNoJson(body)).samples;

/**
 * Reads the JSON of one `market_chart/range` answer: `{prices, market_caps, total_volumes}`, each `[[ms, value], …]`, in the
 * order sent. Other keys are ignored.
 * @returns the samples, and how many points had no moment and were left out.
 * @throws SourceError `malformed`, naming the first field that is not what it should be.
 */
export function parseSamples(json: unknown) {
  const { prices, market_caps, total_volumes } = parseShape(json, Chart);
  const samples: Samples = { prices: prices.points, marketCaps: market_caps ?? [], volumes: total_volumes ?? [] };
  return { samples, strayPoints: prices.strayPoints };
}

/** By coin and keys such as `eur` and `eur_market_cap`. Each may be null, or not be there. */
const LatestAnswer = z.record(z.string(), z.record(z.string(), z.unknown()));

/**
 * Reads one `/simple/price` answer: `{bitcoin: {usd, usd_market_cap, usd_24h_vol, usd_24h_change, last_updated_at}}`, the last
 * in seconds. Coins and currencies that the source does not know are left out of it without a word.
 * @param receivedAt stands for a moment that is missing, or that lies in the future and would keep out all later prices.
 * @returns what has a price, of the coins and currencies that were asked for.
 * @throws SourceError `malformed`
 */
export function parseLatestPrices(
  json: unknown,
  { coins, currencies }: AskedPrices,
  receivedAt: Instant,
): LatestPrice[] {
  const answer = parseShape(json, LatestAnswer);
  return coins.flatMap((coin) => {
    const quotes = answer[coin];
    if (!quotes) return [];
    const updatedAt = positive(quotes['last_updated_at']);
    const observedAt = updatedAt === null ? receivedAt : Math.min(receivedAt, Math.floor(updatedAt * 1000));
    return currencies.flatMap((currency): LatestPrice[] => {
      const price = positive(quotes[currency]);
      if (price === null) return [];
      const volume = quotes[`${currency}_24h_vol`];
      const change = quotes[`${currency}_24h_change`];
      return [
        {
          ...{ coin, currency, price, observedAt },
          // CoinGecko sends 0 for a cap that it does not know.
          marketCap: positive(quotes[`${currency}_market_cap`]),
          volume24h: isNumber(volume) && volume >= 0 ? volume : null,
          change24hPercent: isNumber(change) ? change : null,
        },
      ];
    });
  });
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const positive = (value: unknown): number | null => (isNumber(value) && value > 0 ? value : null);

/** @returns what the JSON of a body says; undefined where it is none, or was cut off. */
export function readJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}

/** @throws SourceError `malformed`, with the beginning of what came instead. */
export function refuseNoJson(body: Uint8Array): never {
  const text = brief(new TextDecoder().decode(body));
  throw malformed(`is not JSON, or was cut off: ${body.length} bytes, ${text || 'nothing in them'}`);
}

/** @throws SourceError `malformed`, naming the first field that is not what it should be. */
export function parseShape<T>(json: unknown, shape: z.ZodType<T>): T {
  const result = shape.safeParse(json);
  if (result.success) return result.data;
  throw malformed(`is not of the documented shape: ${firstIssue(result.error, 'the whole')}`);
}

/** @returns the text on one line, of long ones the beginning and the end. */
export function brief(text: string | undefined): string {
  const line = (text ?? 'nothing').replace(/\s+/g, ' ').trim();
  return line.length <= 160 ? line : `${line.slice(0, 100)} … ${line.slice(-50)}`;
}

// Only an answer that came with status 200 is ever parsed.
const malformed = (problem: string): SourceError =>
  new SourceError('malformed', `CoinGecko's answer ${problem}`, { status: 200 });
