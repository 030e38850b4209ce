import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod';
import { MAX_TRIGGER_AGE_DAYS, MAX_TRIGGER_LEAD_MINUTES } from '../contract/limits.ts';
import { RunRequest } from '../contract/run-request.ts';
import { show } from '../contract/show.ts';
import { codesOf, findUnknown, type Universe } from '../contract/universe-schema.ts';
import { addDays, countDays, DAY_MS, dayOf, type Instant, MINUTE_MS, settledAt } from '../domain/day.ts';
import { IngestionError } from '../domain/failure.ts';

/** The most days that one request by hand may ask for: a year, the leap day included. */
const MAX_REQUEST_DAYS = 366;

const EXPECTED = {
  body: 'one JSON object, with some of from, to, coins, currencies, refetch, or with source, detail-type, triggered_at',
  from: 'a UTC day that exists, as YYYY-MM-DD, together with to',
  to: 'a UTC day that exists, as YYYY-MM-DD, together with from',
  coins: 'a list of one or more coin ids',
  currencies: 'a list of one or more currency codes',
  refetch: 'true or false',
  source: 'text of 1 to 256 characters',
  'detail-type': 'text of 1 to 256 characters',
  triggered_at: 'a moment in UTC, as 2026-01-31T02:00:00Z',
} as const;

/** A request that cannot be taken. `field` is the one at fault; the message names it, what was found and what is taken. */
export class RequestError extends IngestionError {
  override readonly name = 'RequestError';
  readonly field: string;

  constructor(field: string, found: string, expected: string) {
    super(`${field}: found ${found}, expected ${expected}`);
    this.field = field;
  }
}

type RequestContext = { readonly universe: Universe; readonly now: Instant };

const label = z.string().min(1).max(256);
const scheduledShape = z.strictObject({ source: label, 'detail-type': label, triggered_at: z.iso.datetime().max(40) });

/**
 * Parses what a run is asked for, by a body, a message or the command line.
 * @returns the canonical form: coins and currencies sorted and unique, what is not asked for absent.
 * @throws RequestError for the first field at fault.
 */
export function parseRunRequest(input: unknown, { universe, now }: RequestContext): RunRequest {
  const request = parseShape(RunRequest, input);
  const { from, to, coins, currencies, refetch } = request;
  checkDays(request, now);
  checkNames('coins', coins, universe.coins);
  checkNames('currencies', currencies, codesOf(universe));
  return {
    ...(from && to ? { from, to } : {}),
    ...(coins ? { coins: sortedUnique(coins) } : {}),
    ...(currencies ? { currencies: sortedUnique(currencies) } : {}),
    ...(refetch ? { refetch } : {}),
  };
}

/**
 * Parses the body of a call of the endpoint: a run request, or the scheduled event's body, never both.
 * @returns `triggeredAt` the scheduled event's own moment, as it was sent; null for a call by hand.
 * @throws RequestError for the first field at fault.
 */
export function parseTriggerBody(input: unknown, context: RequestContext) {
  const fields = isObject(input) ? Object.keys(input) : [];
  const scheduled = fields.filter((field) => field in scheduledShape.shape);
  if (scheduled.length === 0) return { request: parseRunRequest(input, context), triggeredAt: null };

  const requested = fields.find((field) => field in RunRequest.shape);
  if (requested) throw new RequestError('body', `${requested} beside ${scheduled.join(', ')}`, EXPECTED.body);
  const { triggered_at: triggeredAt } = parseShape(scheduledShape, input);
  const ageMs = context.now - Date.parse(triggeredAt);
  if (ageMs > MAX_TRIGGER_AGE_DAYS * DAY_MS || ageMs < -MAX_TRIGGER_LEAD_MINUTES * MINUTE_MS) {
    const accepted = `at most ${MAX_TRIGGER_AGE_DAYS} days past and ${MAX_TRIGGER_LEAD_MINUTES} minutes ahead`;
    const now = new Date(context.now).toISOString();
    throw new RequestError('triggered_at', show(triggeredAt), `a moment ${accepted} of ${now}`);
  }
  return { request: {}, triggeredAt };
}

/** @returns whether two requests in canonical form, whatever the order of their fields, ask for the same. */
export const sameRequest = (one: RunRequest, other: RunRequest): boolean => isDeepStrictEqual(one, other);

function checkDays({ from, to, refetch }: RunRequest, now: Instant) {
  if (refetch && !(from && to)) throw new RequestError('refetch', 'true without from and to', 'all three together');
  if (from === undefined && to === undefined) return;
  if (from === undefined) throw new RequestError('from', 'nothing', EXPECTED.from);
  if (to === undefined) throw new RequestError('to', 'nothing', EXPECTED.to);
  const yesterday = addDays(dayOf(now), -1);
  if (to > yesterday) throw new RequestError('to', show(to), `at most yesterday in UTC, ${yesterday}`);
  if (from > to) throw new RequestError('from', show(from), `a day that is not after to, ${to}`);
  const days = countDays(from, to);
  if (days > MAX_REQUEST_DAYS) {
    throw new RequestError('from', `${show(from)}, ${days} days with to`, `at most ${MAX_REQUEST_DAYS} days a request`);
  }
  if (now < settledAt(from)) {
    const at = new Date(settledAt(from)).toISOString();
    throw new RequestError('from', `${show(from)}, not settled yet`, `a settled day; this one is so from ${at} on`);
  }
}

type Known = Parameters<typeof findUnknown>[1];

function checkNames(field: 'coins' | 'currencies', given: readonly string[] | undefined, known: Known) {
  const unknown = findUnknown(given ?? [], known);
  if (unknown === null) return;
  const shown = known.slice(0, 20).map(({ id }) => id);
  const others = known.length > 20 ? ` and ${known.length - 20} more` : '';
  const nearest = `of which ${unknown.meant} is the nearest: ${shown.join(', ')}${others}`;
  const expected = `only ${field} of the universe, ${nearest}. To add one: npm run universe -- add`;
  throw new RequestError(field, show(unknown.name), expected);
}

function parseShape<Shape extends z.ZodType>(shape: Shape, input: unknown): z.output<Shape> {
  const result = shape.safeParse(input);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  if (issue?.code === 'unrecognized_keys') {
    throw new RequestError('body', `the unknown field ${show(issue.keys[0])}`, EXPECTED.body);
  }
  const field = (issue?.path[0] ?? 'body') as keyof typeof EXPECTED;
  const found = field === 'body' ? input : isObject(input) ? input[field] : undefined;
  throw new RequestError(field, show(found), EXPECTED[field]);
}

const isObject = (input: unknown): input is Record<string, unknown> =>
  typeof input === 'object' && input !== null && !Array.isArray(input);

const sortedUnique = (values: readonly string[]): string[] => [...new Set(values)].sort();
