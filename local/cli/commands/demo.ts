import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { PLANS } from '../../../ingestion/contract/plans.ts';
import { createDatabase } from '../../../ingestion/database/connection.ts';
import { type RunDetail, type RunSummary, readStatus } from '../../../ingestion/database/status.ts';
import { IngestionError, LockTakenError } from '../../../ingestion/domain/failure.ts';
import type { Verdict } from '../../../ingestion/domain/verdict.ts';
import { systemClock } from '../../../ingestion/system-clock.ts';
import { formatPrice, NO_VALUE } from '../../../report/format.ts';
import { MADE_UP } from '../../../report/render-report.ts';
import type { ReportData } from '../../../report/report-data.ts';
import { startSimulator } from '../../../simulator/server.ts';
import { tableText } from '../../output/outcome-text.ts';
import { verdictText } from '../../output/verdict-text.ts';
import { writeReport } from '../../output/write-report.ts';
import { callOnSchedule } from '../../stack/schedule.ts';
import { type CommandContext, defineCommand, EXIT, JSON_OPTION, type Outcome } from '../command.ts';
import { DATA_FOLDER, withDatabase, withEmbeddedServer } from '../with-database.ts';

/** A database of its own, new at each demo: made-up prices never mix with real ones. */
const DATABASE = 'demo';
/** The simulator sets no limit; this one is never reached. */
const REQUESTS_PER_MINUTE = 10_000;

export const demo = defineCommand({
  summary: 'Show the whole way with made-up prices, without network, account, key or Docker.',
  options: JSON_OPTION,
  async run(context) {
    const { universe } = context.settings;
    const simulator = await startSimulator({ universe });
    try {
      return await withEmbeddedServer(context, async (serverUrl) => {
        const source = { ...PLANS.public, plan: 'public', apiKey: null, baseUrl: simulator.baseUrl } as const;
        const settings = {
          ...context.settings,
          databaseUrl: await makeDatabase(serverUrl),
          source: { ...source, requestsPerMinute: REQUESTS_PER_MINUTE },
        };
        return await showWay({ ...context, settings }, settings.databaseUrl);
      });
    } finally {
      await simulator.close();
    }
  },
});

async function showWay(context: CommandContext, databaseUrl: string): Promise<Outcome> {
  const { terminal, settings } = context;
  const { universe } = settings;
  terminal.note(MADE_UP);
  return await withDatabase(context, async (database) => {
    const runId = await runThroughStack(databaseUrl, context);
    const now = systemClock.now();
    const { runs, series } = await readStatus(database, { now, universe, runId });
    const verdict = verdictOf(runs[0]);
    const { path, data } = await writeReport(database, join(DATA_FOLDER, 'demo.html'), {
      ...{ now, universe, isMadeUp: true },
      monthlyCredits: settings.source.monthlyCredits,
    });
    return {
      exitCode: verdict.status === 'complete' ? EXIT.complete : EXIT.incomplete,
      document: { ...verdict, page: path },
      text: [
        verdictText(verdict, series, terminal),
        '',
        pricesText(data),
        '',
        `${MADE_UP} The page to look at: ${path}`,
      ].join('\n'),
    };
  });
}

/**
 * Sends one scheduled call through endpoint, queue and worker.
 * @returns the id of its run, when a worker has been through with it.
 */
async function runThroughStack(
  databaseUrl: string,
  { settings, terminal, interrupt }: CommandContext,
): Promise<string> {
  const cronSecret = randomBytes(24).toString('hex');
  const { promise: hopDone, resolve: onHop, reject: onError } = Promise.withResolvers<unknown>();
  // Where the call itself fails nobody waits for it any more.
  hopDone.catch(() => {});
  // Only now: it takes longer to load than most commands run.
  const { startLocalStack } = await import('../../stack/local-stack.ts');
  const stack = await startLocalStack({
    ...{ ...settings, databaseUrl, cronSecret, onHop, onError },
    port: 0,
    renderPage: async () => MADE_UP,
    onLine: terminal.printError,
  });
  try {
    const runId = await callOnSchedule(stack.endpointUrl, cronSecret, systemClock.now());
    terminal.note(`The scheduled call is accepted at ${stack.endpointUrl}: run ${runId} is in the queue.`);
    interrupt.addEventListener('abort', onHop);
    if (!interrupt.aborted) await hopDone;
    return runId;
  } finally {
    // After Ctrl-C the worker finishes what it has in hand.
    await stack.stop();
  }
}

/** @param run of a new database, where every row is written and none found unchanged. */
function verdictOf(run: RunSummary | RunDetail | undefined): Verdict {
  if (!run || !('series' in run)) throw new IngestionError('The run was stopped before a worker took it.');
  const { runId, status, requests, credits, retries, rateLimited, series, findings, error } = run;
  return {
    runId,
    status,
    expectedDays: run.expectedDays ?? 0,
    storedDays: run.storedDays ?? 0,
    missingDays: run.missingDays ?? 0,
    thinDays: run.thinDays ?? 0,
    unavailableDays: run.unavailableDays ?? 0,
    rowsWritten: series.reduce((sum, { daysWritten }) => sum + daysWritten, 0),
    rowsUnchanged: 0,
    ...{ requests, credits, retries, rateLimited },
    durationMs: Date.parse(run.finishedAt ?? run.startedAt) - Date.parse(run.startedAt),
    ...{ series, findings, error },
  };
}

/** @throws LockTakenError where another demo uses it. */
async function makeDatabase(serverUrl: string): Promise<string> {
  const server = await createDatabase({ url: serverUrl }).connect();
  try {
    await server.query(`drop database if exists ${DATABASE}`);
    await server.query(`create database ${DATABASE}`);
  } catch (error) {
    const isInUse = (error as { code?: unknown }).code === '55006';
    throw isInUse ? new LockTakenError('Another demo is at work. Wait until it is done and try again.') : error;
  } finally {
    await server.end();
  }
  const url = new URL(serverUrl);
  url.pathname = `/${DATABASE}`;
  return url.href;
}

/** The averages of the newest day that is final everywhere. */
function pricesText({ status: { newestFinalDay }, days, series, universe }: ReportData): string {
  if (newestFinalDay === null) return 'No day is final in every series.';
  const index = days.indexOf(newestFinalDay);
  const averages = new Map(series.map(({ coin, currency, prices }) => [`${coin} ${currency}`, prices[index]?.average]));
  const table = tableText(
    ['coin', ...universe.currencies.map(({ code }) => `>${code}`)],
    universe.coins.map(({ id }) => [
      id,
      ...universe.currencies.map(({ code }) => {
        const average = averages.get(`${id} ${code}`);
        return average === undefined ? NO_VALUE : formatPrice(average);
      }),
    ]),
  );
  return `Average prices of ${newestFinalDay} (UTC):\n${table}`;
}
