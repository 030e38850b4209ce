import { PassThrough } from 'node:stream';
import type { WriteStream } from 'node:tty';
import { expect, test } from '@jest/globals';
import { createRateLimiter } from '../../ingestion/coingecko/rate-limiter.ts';
import type { RunEvent } from '../../ingestion/ports.ts';
import { createProgress } from '../../local/output/progress.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const SERIES = { coin: 'bitcoin', currency: 'usd' };
const FAILED = { kind: 'failed', series: SERIES, cause: 'network', attempts: 1 } as const;
const ANSWERED: RunEvent = { kind: 'answered', series: SERIES, rowsWritten: 1 };

/** Progress into lines, told of each event at its moment; each answer uses a permit of the limiter. */
async function linesOf(limit: number, events: readonly (readonly [number, RunEvent])[]): Promise<string[]> {
  const lines: string[] = [];
  const clock = createVirtualClock(0);
  const limiter = createRateLimiter({ requestsPerMinute: limit, clock, recentAgesMs: [] });
  const progress = createProgress({ live: null, note: (line) => void lines.push(line) }, clock);
  for (const [at, event] of events) {
    await clock.advance(at - clock.monotonicMs());
    if (event.kind === 'answered') (await limiter.acquire(new AbortController().signal)).release();
    progress.onEvent(event);
    if (event.kind === 'planned') progress.onEvent({ kind: 'fetching', limiter });
  }
  progress.stop();
  return lines;
}

test('says what will be asked for', async () => {
  expect(await linesOf(30, [[0, { kind: 'planned', requests: 1, gapDays: 1_320, seriesCount: 44 }]])).toEqual([
    '1 request for 1,320 missing days of 44 series.',
  ]);
});

test('says when nothing is missing', async () => {
  expect(await linesOf(30, [[0, { kind: 'planned', requests: 0, gapDays: 0, seriesCount: 0 }]])).toEqual([
    'Nothing is missing: no request is needed.',
  ]);
});

test('tells failures, retries and a lower limit as they come, and each cause once', async () => {
  const lines = await linesOf(30, [
    [0, { kind: 'planned', requests: 9, gapDays: 9, seriesCount: 9 }],
    [1, { kind: 'retrying', series: SERIES, error: 'the connection broke', delayMs: 1_500 }],
    [2, { kind: 'slowed', limit: 22, pauseMs: 60_000 }],
    [3, { ...FAILED, error: 'bitcoin/usd from here to there: the connection broke' }],
    [3, { ...FAILED, error: 'CoinGecko knows no such coin' }],
  ]);
  expect(lines).toContain('bitcoin/usd: the connection broke. Trying again.');
  expect(lines).toContain('CoinGecko asks for fewer requests: pausing 1 min 0 s, then at most 22 a minute.');
  expect(lines.filter((line) => line.startsWith('Failed'))).toEqual([
    'Failed: bitcoin/usd: CoinGecko knows no such coin',
  ]);
});

test('writes a line when a wait for the limit begins, every 5 s at most otherwise, and at the end', async () => {
  const lines = await linesOf(3, [
    [0, { kind: 'planned', requests: 5, gapDays: 5, seriesCount: 5 }],
    [100, ANSWERED],
    [200, ANSWERED],
    [300, ANSWERED],
    [60_700, ANSWERED],
    [60_800, ANSWERED],
  ]);
  expect(lines.slice(1)).toEqual([
    '3 of 5 requests done · waiting 1 min 1 s for the limit of 3 a minute · 1 min 1 s left',
    '4 of 5 requests done · 1 s left',
    '5 of 5 requests done',
  ]);
});

test('a bar on a terminal leaves the cursor where the notes have brought it', () => {
  const written: string[] = [];
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 80 });
  stream.on('data', (chunk) => written.push(String(chunk)));
  const progress = createProgress(
    { live: stream as unknown as WriteStream, note: (line) => void stream.write(`\r\x1b[K${line}\n`) },
    createVirtualClock(0),
  );
  progress.onEvent({ kind: 'planned', requests: 2, gapDays: 2, seriesCount: 2 });
  progress.onEvent({ ...FAILED, error: 'nothing listens there' });
  progress.stop();
  const screen = written.join('');
  expect(screen).toContain('0 of 2 requests done');
  const [save, restore] = ['\x1b7', '\x1b8'];
  expect(screen).not.toContain(save);
  expect(screen).not.toContain(restore);
});

test('requests that are on their way are not waited for again', async () => {
  const lines: string[] = [];
  const clock = createVirtualClock(0);
  const limiter = createRateLimiter({ requestsPerMinute: 30, clock, recentAgesMs: [] });
  const progress = createProgress({ live: null, note: (line) => void lines.push(line) }, clock);
  progress.onEvent({ kind: 'fetching', limiter });
  for (let sent = 0; sent < 30; sent += 1) await limiter.acquire(new AbortController().signal);
  progress.onEvent({ kind: 'planned', requests: 44, gapDays: 44, seriesCount: 44 });
  // 14 wait until the first 30 are a minute old.
  expect(lines.at(-1)).toMatch(/ 1 min 1 s left$/);
});
