import { randomBytes } from 'node:crypto';
import { isLoopbackHost } from '../../../ingestion/contract/settings.ts';
import type { Database } from '../../../ingestion/database/connection.ts';
import { systemClock } from '../../../ingestion/system-clock.ts';
import { statusText } from '../../output/outcome-text.ts';
import type { Terminal } from '../../output/terminal.ts';
import { readPageData } from '../../page/read-page-data.ts';
import { renderPage } from '../../page/render-page.ts';
import type { EmbeddedPostgres } from '../../postgres/embedded-postgres.ts';
import { callOnSchedule, nextScheduledAt, runSchedule } from '../../stack/fire-on-schedule.ts';
import { type HopOutcome, type LocalStack, startLocalStack } from '../../stack/local-stack.ts';
import { type CommandContext, EXIT, type Outcome, UsageError } from '../command.ts';
import { tellFullRun } from '../tell-run.ts';
import { queueFolderOf, readerAddress, withDatabase, withEmbeddedServer, withoutPassword } from '../with-database.ts';

const PAGE_REFRESH_SECONDS = 60;

type StartOptions = { readonly host?: string; readonly port?: string };

export async function start(
  context: CommandContext,
  { host = '127.0.0.1', port = '0' }: StartOptions,
): Promise<Outcome> {
  const { databaseUrl, cronSecret } = context.settings;
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)
    throw new UsageError(`--port is "${port}"; it takes a whole number up to 65535.`);
  if (!isLoopbackHost(host) && cronSecret === null)
    throw new UsageError(`--host is "${host}", which others can reach: set CRON_SECRET to a secret of your own first.`);
  async function serve(url: string, server: EmbeddedPostgres | null): Promise<void> {
    const interrupt = server ? AbortSignal.any([context.interrupt, server.lost]) : context.interrupt;
    const address = server ? readerAddress(server, context) : withoutPassword(url);
    await serveUntilInterrupted(url, { host, port: Number(port) }, address, { ...context, interrupt });
    server?.lost.throwIfAborted();
  }
  await (databaseUrl === null ? withEmbeddedServer(context, serve, true) : serve(databaseUrl, null));
  return { exitCode: EXIT.complete, document: {}, text: 'Stopped.' };
}

async function serveUntilInterrupted(
  databaseUrl: string,
  place: { readonly host: string; readonly port: number },
  address: string,
  context: CommandContext,
): Promise<void> {
  const settings = { ...context.settings, databaseUrl };
  const cronSecret = settings.cronSecret ?? randomBytes(24).toString('hex');
  async function serve(database: Database): Promise<void> {
    let told = Promise.resolve();
    const stack = await startLocalStack({
      databaseUrl,
      queueFolder: queueFolderOf(context.settings.databaseUrl),
      cronSecret,
      source: settings.source,
      universe: settings.universe,
      ...place,
      log: context.log,
      renderPage: () => pageOf(database, context),
      onError: (error) => context.terminal.printError(messageOf(error)),
      onFullRun: (outcome) => {
        told = told.then(() => tellFullRun(outcome, database, context));
      },
      onHop: (outcome) => context.terminal.note(hopText(outcome, context.terminal)),
    });
    try {
      context.terminal.print(introduction(stack, cronSecret, address, context));
      const { runs, deadLetters } = stack.takenUp;
      if (runs > 0) context.terminal.note(`Runs accepted before, and taken up now: ${runs}.`);
      if (deadLetters > 0)
        context.terminal.note(`Runs in the dead-letter queue: ${deadLetters}. npm run redrive brings them back.`);
      await fireUntilInterrupted(stack, cronSecret, context);
    } finally {
      const { runs } = await stack.stop();
      await told;
      if (runs > 0) context.terminal.note(`Runs in the queue: ${runs}. The next npm start takes them up.`);
    }
  }
  await withDatabase({ ...context, settings }, serve, { isPatient: true });
}

async function fireUntilInterrupted({ endpointUrl }: LocalStack, cronSecret: string, context: CommandContext) {
  const { terminal, interrupt } = context;
  try {
    await runSchedule(systemClock, interrupt, async (at) => {
      try {
        const runId = await callOnSchedule(endpointUrl, cronSecret, at);
        terminal.note(`The schedule queued run ${runId}.`);
      } catch (error) {
        terminal.printError(`The scheduled call failed. The next one will fetch what it missed. ${messageOf(error)}`);
      }
    });
  } catch (error) {
    if (!interrupt.aborted) throw error;
  }
}

function introduction(
  { url, endpointUrl }: LocalStack,
  cronSecret: string,
  address: string,
  { settings }: CommandContext,
): string {
  const { source } = settings;
  const isGenerated = settings.cronSecret === null;
  return [
    `Page      ${url}`,
    `Endpoint  ${endpointUrl}`,
    `Secret    ${isGenerated ? `${cronSecret} (until Ctrl-C; set CRON_SECRET to keep one)` : 'the value of CRON_SECRET'}`,
    `Schedule  every day at 02:00 UTC, next ${new Date(nextScheduledAt(systemClock.now())).toISOString()}`,
    `Source    ${source.baseUrl}, ${source.plan} plan, at most ${source.requestsPerMinute} requests a minute`,
    `Database  ${address}`,
    '',
    'Fetch what is missing now:',
    `  curl -X POST -H "Authorization: Bearer ${isGenerated ? cronSecret : '$CRON_SECRET'}" ${endpointUrl}`,
    'Ctrl-C stops it.',
  ].join('\n');
}

async function pageOf(database: Database, { settings: { universe, source } }: CommandContext): Promise<string> {
  const { monthlyCredits } = source;
  const data = await readPageData(database, { now: systemClock.now(), universe, monthlyCredits });
  return renderPage(data, { refreshSeconds: PAGE_REFRESH_SECONDS });
}

/** @returns a hop's outcome in one line. The log has the details. */
function hopText(outcome: HopOutcome, terminal: Terminal): string {
  const { runId } = outcome;
  if ('error' in outcome) return `Run ${runId} ended without a verdict: ${messageOf(outcome.error)}`;
  const { status, error, storedDays, expectedDays } = outcome.verdict;
  const days = `${storedDays} of ${expectedDays} expected days are stored.`;
  return `Run ${runId} is ${statusText(status, terminal)}: ${error ?? days}`;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
