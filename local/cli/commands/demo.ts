import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { aborted } from 'node:util';
import { PLANS } from '../../../ingestion/contract/settings.ts';
import { createDatabase } from '../../../ingestion/database/connection.ts';
import { IngestionError, LockTakenError } from '../../../ingestion/domain/failure.ts';
import type { Verdict } from '../../../ingestion/domain/verdict.ts';
import { systemClock } from '../../../ingestion/system-clock.ts';
import { startSimulator } from '../../../simulator/server.ts';
import { formatPrice, NO_VALUE } from '../../output/format.ts';
import { tableText } from '../../output/outcome-text.ts';
import { verdictText } from '../../output/verdict-text.ts';
import type { PageData } from '../../page/read-page-data.ts';
import { MADE_UP } from '../../page/render-page.ts';
import { callOnSchedule } from '../../stack/fire-on-schedule.ts';
import { startLocalStack } from '../../stack/local-stack.ts';
import { type CommandContext, EXIT, type Outcome } from '../command.ts';
import { DATA_FOLDER, withDatabase, withEmbeddedServer } from '../with-database.ts';
import { writeReport } from './report.ts';

/** A database of its own, made anew for each demo, so that made-up prices never mix with real ones. */
const DATABASE = 'demo';
/** The simulator has no limit, and this one is never reached. */
const REQUESTS_PER_MINUTE = 10_000;

export async function demo(context: CommandContext): Promise<Outcome> {
  const { universe } = context.settings;
  const simulator = await startSimulator({ universe });
  try {
    return await withEmbeddedServer(context, async (serverUrl) => {
      const source = { ...PLANS.public, plan: 'public', apiKey: null, baseUrl: simulator.baseUrl } as const;
      const settings = {
        ...context.settings,
        databaseUrl: await makeDatabase(serverUrl),
        source: { ...source, requestsPerMinute: REQUESTS_PER_MINUTE, crossRates: false, latestPrices: true },
      };
      return await showEverything({ ...context, settings }, settings.databaseUrl);
    });
  } finally {
    await simulator.close();
  }
}

async function showEverything(context: CommandContext, databaseUrl: string): Promise<Outcome> {
  const { terminal } = context;
  terminal.note(MADE_UP);
  return await withDatabase(context, async (database) => {
    const verdict = await runThroughStack(databaseUrl, context);
    const { path, data } = await writeReport(database, join(DATA_FOLDER, 'demo.html'), context, true);
    const page = `${MADE_UP} The page to look at: ${path}`;
    return {
      exitCode: verdict.status === 'complete' ? EXIT.complete : EXIT.incomplete,
      document: { ...verdict, page: path },
      text: [verdictText(verdict, terminal), pricesText(data), page].join('\n\n'),
    };
  });
}

/**
 * Sends one scheduled call through the endpoint, the queue and the worker.
 * @returns the verdict of its run, which Ctrl-C interrupts.
 * @throws IngestionError when the run ended without a verdict.
 */
async function runThroughStack(databaseUrl: string, context: CommandContext): Promise<Verdict> {
  const { settings, terminal, log, interrupt } = context;
  const cronSecret = randomBytes(24).toString('hex');
  const run = Promise.withResolvers<Verdict>();
  // Nobody waits for the run when the call itself fails.
  run.promise.catch(() => {});
  const stack = await startLocalStack({
    databaseUrl,
    queueFolder: null,
    cronSecret,
    source: settings.source,
    universe: settings.universe,
    port: 0,
    log,
    renderPage: async () => MADE_UP,
    onError: run.reject,
    onHop: (outcome) => ('error' in outcome ? run.reject(outcome.error) : run.resolve(outcome.verdict)),
  });
  try {
    const runId = await callOnSchedule(stack.endpointUrl, cronSecret, systemClock.now());
    terminal.note(`${stack.endpointUrl} accepted the scheduled call. Run ${runId} is in the queue.`);
    await Promise.race([run.promise, aborted(interrupt, stack)]);
  } finally {
    await stack.stop();
  }
  run.reject(new IngestionError('The demo was interrupted before its run began.'));
  return await run.promise;
}

/**
 * @returns the URL of the demo's database, which is empty.
 * @throws LockTakenError when another demo uses it.
 */
async function makeDatabase(serverUrl: string): Promise<string> {
  const server = await createDatabase({ url: serverUrl }).connect();
  try {
    await server.query(`drop database if exists ${DATABASE}`);
    await server.query(`create database ${DATABASE}`);
  } catch (error) {
    const isInUse = (error as { code?: unknown }).code === '55006';
    throw isInUse ? new LockTakenError('Another demo is running. Wait until it is done and try again.') : error;
  } finally {
    await server.end();
  }
  const url = new URL(serverUrl);
  url.pathname = `/${DATABASE}`;
  return url.href;
}

/** @returns the average prices of the newest day that is final in every series. */
function pricesText({ status: { newestFinalDay }, days, series, universe }: PageData): string {
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
