/**
 * Why an answer, a series or a run failed.
 * - `network`, `timeout`, `rate_limited`, `server_error`, `blocked` (by CoinGecko's CDN or for the User-Agent),
 *   `malformed` (HTML, cut JSON, too large, a shape that is not the documented one) may pass: they are worth another try.
 *   So may `incomplete`: a proper answer that still lacks a day.
 * - `empty` (no sample at all), `wrong_granularity`, `not_found`, `history` (beyond what the plan reaches back) and `plan`
 *   stay as they are for their series: the same run does not ask again.
 * - `wrong_key` and `credits` stay as they are for the whole run, and so does `refused`: a request that cannot be kept.
 */
export type FailureKind =
  | 'network'
  | 'timeout'
  | 'rate_limited'
  | 'server_error'
  | 'blocked'
  | 'malformed'
  | 'incomplete'
  | 'wrong_granularity'
  | 'empty'
  | 'not_found'
  | 'history'
  | 'plan'
  | 'wrong_key'
  | 'credits'
  | 'refused';

type Reach = 'transient' | 'series' | 'run';

const REACH: Readonly<Record<FailureKind, Reach>> = {
  network: 'transient',
  timeout: 'transient',
  rate_limited: 'transient',
  server_error: 'transient',
  blocked: 'transient',
  malformed: 'transient',
  incomplete: 'transient',
  wrong_granularity: 'series',
  empty: 'series',
  not_found: 'series',
  history: 'series',
  plan: 'series',
  wrong_key: 'run',
  credits: 'run',
  refused: 'run',
};

/** @returns whether trying again, unchanged, can help. */
export const isTransient = (kind: FailureKind): boolean => REACH[kind] === 'transient';

/** @returns whether the source answered, and will answer the same way again: one request a run is enough. */
export const isAnsweredForGood = (kind: FailureKind): boolean => REACH[kind] === 'series';

/** @returns whether the cause is the same for every series, so that the run must end. */
export const stopsTheRun = (kind: FailureKind): boolean => REACH[kind] === 'run';

/** The base of every error that this program foresees. The message says what was found, what was expected, what to do. */
export class IngestionError extends Error {
  override readonly name: string = 'IngestionError';
}

/** The price source did not give a usable answer. */
export class SourceError extends IngestionError {
  override readonly name = 'SourceError';
  readonly kind: FailureKind;
  /** What the source asked for in Retry-After, in milliseconds. */
  readonly retryAfterMs: number | null;
  /** The HTTP status; null where no answer came. */
  readonly status: number | null;
  /** Whether the source may have counted the request: false where no connection to it came about. */
  readonly wasSent: boolean;

  constructor(
    kind: FailureKind,
    message: string,
    evidence: { status?: number; retryAfterMs?: number; wasSent?: boolean; cause?: unknown } = {},
  ) {
    super(message, { cause: evidence.cause });
    this.kind = kind;
    this.status = evidence.status ?? null;
    this.retryAfterMs = evidence.retryAfterMs ?? null;
    this.wasSent = evidence.wasSent ?? true;
  }
}

/** A run that may not begin: its request reaches beyond the plan's history or quota, or its key was used otherwise. */
export class RefusedError extends IngestionError {
  override readonly name = 'RefusedError';
  readonly kind: 'history' | 'credits' | 'refused';

  constructor(kind: 'history' | 'credits' | 'refused', message: string) {
    super(message);
    this.kind = kind;
  }
}

/** Another ingestion holds the lock. */
export class LockTakenError extends IngestionError {
  override readonly name = 'LockTakenError';
}

/** The connection that held the lock broke; another ingestion may be working by now, so this one must not write. */
export class LockLostError extends IngestionError {
  override readonly name = 'LockLostError';
}
