import type { WriteStream } from 'node:tty';
import { type Series, seriesName } from '../../ingestion/domain/series.ts';
import type { Clock, RunEvent } from '../../ingestion/ports.ts';
import { formatDuration, formatQuantity } from './format.ts';
import type { Terminal } from './terminal.ts';

export type Progress = {
  onEvent(event: RunEvent): void;
  stop(): void;
};

/** How often a line is written where there is no bar, in a file or a pipe. */
const LINE_EVERY_MS = 5_000;

const NOTABLE_WAIT_MS = 2_000;

/** @property limiter null before the first request may be sent. */
type Pace = { total: number; done: number; limiter: Extract<RunEvent, { kind: 'fetching' }>['limiter'] | null };

/** @returns a bar with the time left on a terminal, lines elsewhere, nothing with `--json`. */
export function createProgress(terminal: Pick<Terminal, 'live' | 'note'>, clock: Pick<Clock, 'monotonicMs'>): Progress {
  const pace: Pace = { total: 0, done: 0, limiter: null };
  let lineAt = clock.monotonicMs();
  let isWaiting = false;
  const told = new Set<string>();
  const bar = terminal.live && createBar(terminal.live, pace, () => paceText(pace));

  function writeLine() {
    const now = clock.monotonicMs();
    const isNotable = (pace.limiter?.waitMs(1) ?? 0) > NOTABLE_WAIT_MS;
    const beginsToWait = !isWaiting && isNotable;
    isWaiting = isNotable;
    if (pace.done < pace.total && !beginsToWait && now - lineAt < LINE_EVERY_MS) return;
    lineAt = now;
    terminal.note(paceText(pace));
  }

  return {
    onEvent(event) {
      if (event.kind === 'planned') pace.total += event.requests;
      if (event.kind === 'fetching') pace.limiter = event.limiter;
      if (event.kind === 'answered' || event.kind === 'failed') pace.done = Math.min(pace.done + 1, pace.total);
      const message = eventText(event, told);
      if (message !== null) terminal.note(message);
      if (pace.total === 0) return;
      if (bar === null) writeLine();
      else bar.draw();
    },
    stop: () => bar?.stop(),
  };
}

/**
 * @param told the causes that a note has named: each is named once, and the verdict lists the series that failed with it.
 * @returns an event in words; null for one that only moves the bar.
 */
function eventText(event: RunEvent, told: Set<string>): string | null {
  switch (event.kind) {
    case 'planned':
      return event.requests === 0
        ? 'Nothing is missing: no request is needed.'
        : `${formatQuantity(event.requests, 'request')} for ${formatQuantity(event.gapDays, 'missing day')} of ${event.seriesCount} series.`;
    case 'failed':
      return isNews(event.error, told) ? `Failed: ${named(event)}` : null;
    case 'retrying':
      return isNews(event.error, told) ? `${named(event)}. Trying again.` : null;
    case 'slowed':
      return `CoinGecko asks for fewer requests: pausing ${waitText(event.pauseMs)}, then at most ${event.limit} a minute.`;
    case 'clock_off': {
      const minutes = formatDuration(Math.abs(event.aheadMs));
      return `This machine's clock is ${minutes} ${event.aheadMs > 0 ? 'ahead of' : 'behind'} CoinGecko's: set it, for it decides which days are settled.`;
    }
    case 'unsettled':
      return `${event.day} is not settled yet: it is available from ${new Date(event.settledAt).toISOString()} on.`;
    case 'latest_failed':
      return isNews(event.error, told) ? `The latest prices could not be fetched: ${event.error}` : null;
    case 'latest_left_out':
      return `CoinGecko returned no latest price of ${event.series.map(seriesName).join(', ')}.`;
    case 'fetching':
    case 'answered':
      return null;
  }
}

/** The cause is what follows the name of the series, or of the latest prices. */
function isNews(error: string, told: Set<string>): boolean {
  const cause = error.replace(/^(?:[^:/ ]+\/|the latest prices)[^:]*: /, '');
  return told.size < told.add(cause).size;
}

/** Most errors name their series themselves. */
const named = ({ series, error }: { series: Series; error: string }): string =>
  error.startsWith(seriesName(series)) ? error : `${seriesName(series)}: ${error}`;

/** `10 of 44 requests done · waiting 52 s for the limit of 10 a minute · 4 min left` */
function paceText({ total, done, limiter }: Pace): string {
  const parts = [`${done} of ${formatQuantity(total, 'request')} done`];
  if (done < total && limiter) {
    const waitMs = limiter.waitMs(1);
    if (waitMs > NOTABLE_WAIT_MS) parts.push(`waiting ${waitText(waitMs)} for the limit of ${limiter.limit} a minute`);
    // Only the limit makes a run wait. It comes in bursts, so an average of the past would be wrong by a minute.
    const leftMs = limiter.waitMs(total - done - limiter.inFlight);
    if (done > 0 || leftMs > NOTABLE_WAIT_MS) parts.push(`${waitText(Math.max(1, leftMs))} left`);
  }
  return parts.join(' · ');
}

/** Rounded up, so that no wait reads as 0 s. */
const waitText = (ms: number): string => formatDuration(Math.ceil(ms / 1000) * 1000);

const BAR_WIDTH = 24;
const REDRAW_EVERY_MS = 250;

/** @param describe is called at each redraw, so that the time left counts down between two answers. */
function createBar(stream: WriteStream, pace: Pace, describe: () => string) {
  let timer: NodeJS.Timeout | undefined;
  function draw(): void {
    const full = Math.round((BAR_WIDTH * pace.done) / pace.total);
    const line = `${'█'.repeat(full)}${'░'.repeat(BAR_WIDTH - full)} ${describe()}`;
    // Cut to fit: a line that wraps could not be erased.
    stream.write(`\r\x1b[K${line.slice(0, (stream.columns ?? 80) - 1)}`);
  }
  return {
    draw() {
      // A note or a log line may overwrite the bar at any time.
      timer ??= setInterval(draw, REDRAW_EVERY_MS).unref();
      draw();
    },
    stop() {
      clearInterval(timer);
      if (timer) stream.write('\r\x1b[K');
    },
  };
}
