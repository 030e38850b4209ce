import type { WriteStream } from 'node:tty';
import cliProgress from 'cli-progress';
import type { Instant } from '../../ingestion/domain/day.ts';
import { seriesName } from '../../ingestion/domain/series.ts';
import type { Clock, RunEvent } from '../../ingestion/ports.ts';
import { formatDuration, formatQuantity } from '../../report/format.ts';
import type { Terminal } from './terminal.ts';
import { followEvent, NEW_PACE, type Pace, timeLeftMs, waitMs, withLimit } from './time-left.ts';

export type Progress = {
  /** To be told of the run's rate limiter, made when the plan is: its limit, and the ends of earlier requests that count in it. */
  limiterMade(limit: number, endedAt: readonly Instant[]): void;
  onEvent(event: RunEvent): void;
  /** Takes the bar away. */
  stop(): void;
};

/** Lines are for files and pipes: one at most this often. */
const LINE_EVERY_MS = 5_000;

/** A wait this short is not worth a word. */
const NOTABLE_WAIT_MS = 2_000;

/** @returns a bar with the time left where a person watches, lines elsewhere, nothing with `--json`. */
export function createProgress(terminal: Pick<Terminal, 'live' | 'note'>, clock: Pick<Clock, 'now'>): Progress {
  let pace = NEW_PACE;
  let lineAt = clock.now();
  let isWaiting = false;
  const bar = terminal.live && startableBar(terminal.live, () => paceText(pace, clock.now()));

  function writeLine() {
    const now = clock.now();
    const beginsToWait = !isWaiting && waitMs(pace, now) > NOTABLE_WAIT_MS;
    isWaiting = waitMs(pace, now) > NOTABLE_WAIT_MS;
    if (pace.done < pace.total && !beginsToWait && now - lineAt < LINE_EVERY_MS) return;
    lineAt = now;
    terminal.note(paceText(pace, now));
  }

  return {
    limiterMade(limit, endedAt) {
      pace = withLimit(pace, limit, endedAt);
    },
    onEvent(event) {
      pace = followEvent(pace, event, clock.now());
      const message = eventText(event);
      if (message !== null) terminal.note(message);
      if (pace.total === 0) return;
      if (bar === null) writeLine();
      else if (event.kind === 'planned') bar.start(pace.total, 0);
      else bar.update(pace.done);
    },
    stop: () => bar?.stop(),
  };
}

/** @returns what a person should know of an event; null for an answer, which only moves the bar. */
function eventText(event: RunEvent): string | null {
  switch (event.kind) {
    case 'planned':
      return event.requests === 0
        ? 'Nothing is missing: no request is needed.'
        : `${formatQuantity(event.requests, 'request')} for ${formatQuantity(event.gapDays, 'missing day')} of ${event.seriesCount} series.`;
    case 'failed':
      return `${seriesName(event.series)} failed: ${event.error}`;
    case 'retrying':
      return `${seriesName(event.series)}: ${event.error} – trying again in ${waitText(event.delayMs)}`;
    case 'slowed':
      return `CoinGecko asks for fewer requests: pausing ${waitText(event.pauseMs)}, then at most ${event.limit} a minute.`;
    case 'answered':
      return null;
  }
}

/** `10 of 44 requests done · waiting 52 s for the limit of 10 a minute · 4 min left` */
function paceText(pace: Pace, now: Instant): string {
  const parts = [`${pace.done} of ${formatQuantity(pace.total, 'request')} done`];
  if (pace.done < pace.total && Number.isFinite(pace.limit)) {
    const wait = waitMs(pace, now);
    if (wait > NOTABLE_WAIT_MS) parts.push(`waiting ${waitText(wait)} for the limit of ${pace.limit} a minute`);
    parts.push(`${waitText(timeLeftMs(pace, now))} left`);
  }
  return parts.join(' · ');
}

/** Rounded up: nobody waits 0 s. */
const waitText = (ms: number): string => formatDuration(Math.ceil(ms / 1000) * 1000);

/** @param describe is asked at each redraw, so that the time left runs down between two answers. */
function startableBar(stream: WriteStream, describe: () => string) {
  return new cliProgress.SingleBar(
    {
      stream,
      // Cut here: the library would switch the terminal's line wrapping off, and a second Ctrl-C leave it so.
      linewrap: true,
      format: (options, { progress }) =>
        `${cliProgress.Format.BarFormat(progress, options)} ${describe()}`.slice(0, (stream.columns ?? 80) - 1),
      barsize: 24,
      fps: 4,
      // A note or a log line may have taken the bar's line.
      forceRedraw: true,
      // Ctrl-C is the command's, which finishes what is in hand.
      gracefulExit: false,
      clearOnComplete: true,
    },
    cliProgress.Presets.shades_classic,
  );
}
