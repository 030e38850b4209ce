import type { Instant } from './day.ts';

/**
 * Why an answer, a series or a run failed, and what that is the same for. `transient` ones may pass. Of a `series` the source
 * will answer the same way again, and the same run does not ask again. So it is for the whole `run`, which must end.
 */
const REACH = {
  network: 'transient',
  timeout: 'transient',
  rate_limited: 'transient',
  server_error: 'transient',
  /** By CoinGecko's CDN, or for the User-Agent. */
  blocked: 'transient',
  /** HTML, cut JSON, too large, or of another shape. */
  malformed: 'transient',
  /** A proper answer still lacks a day. */
  incomplete: 'transient',
  wrong_granularity: 'series',
  /** No sample at all. */
  empty: 'series',
  not_found: 'series',
  /** Beyond what the plan reaches back. */
  history: 'series',
  plan: 'series',
  wrong_key: 'run',
  /** This machine's clock is over an hour off the source's. */
  clock: 'run',
  credits: 'run',
  /** A request that cannot be kept. */
  refused: 'run',
} as const satisfies Readonly<Record<string, 'transient' | 'series' | 'run'>>;

export type FailureKind = keyof typeof REACH;

export const isTransient = (kind: FailureKind): boolean => REACH[kind] === 'transient';
export const isAnsweredForGood = (kind: FailureKind): boolean => REACH[kind] === 'series';
export const stopsTheRun = (kind: FailureKind): boolean => REACH[kind] === 'run';

/** The base of every error that this program foresees. The message says what was found, what was expected, what to do. */
export class IngestionError extends Error {
  override readonly name: string = 'IngestionError';
}

/** The price source did not give a usable answer. */
export class SourceError extends IngestionError {
  override readonly name = 'SourceError';
  readonly kind: FailureKind;
  /** What the source asked for in Retry-After. */
  readonly retryAfterMs: number | null;
  /** Of HTTP; null where no answer came. */
  readonly status: number | null;
  /** Whether the source may have counted the request: false where no connection to it came about. */
  readonly wasSent: boolean;
  /** Of kind `clock`: the moment on the source's clock. */
  readonly answeredAt: Instant | null;

  constructor(
    kind: FailureKind,
    message: string,
    evidence: { status?: number; retryAfterMs?: number; wasSent?: boolean; answeredAt?: Instant; cause?: unknown } = {},
  ) {
    super(message, { cause: evidence.cause });
    this.kind = kind;
    this.status = evidence.status ?? null;
    this.retryAfterMs = evidence.retryAfterMs ?? null;
    this.wasSent = evidence.wasSent ?? true;
    this.answeredAt = evidence.answeredAt ?? null;
  }
}

/** A run that may not begin: its request reaches beyond the plan's history or quota, or its key was used otherwise. */
export class RefusedError extends IngestionError {
  override readonly name = 'RefusedError';
  readonly kind: 'history' | 'credits' | 'refused';

  constructor(kind: RefusedError['kind'], message: string) {
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
