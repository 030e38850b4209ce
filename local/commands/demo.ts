import { join } from 'node:path';
import { PLANS } from '../../ingestion/contract/coingecko-plans.ts';
import { createDatabase } from '../../ingestion/database/connection.ts';
import { LockTakenError } from '../../ingestion/domain/failure.ts';
import { systemClock } from '../../ingestion/runtime/clock.ts';
import { formatPrice, NO_VALUE } from '../../report/format.ts';
import type { ReportData } from '../../report/report-data.ts';
import { startSimulator } from '../../simulator/server.ts';
import { type CommandContext, defineCommand, JSON_OPTION, type Outcome } from '../command.ts';
import { tableText } from '../outcome-text.ts';
import { runLocally } from '../run-locally.ts';
import { DATA_FOLDER, withDatabase, withEmbeddedServer } from '../with-database.ts';
import { writeReport } from '../write-report.ts';

/** A database of its own, new at each demo: made-up prices never mix with real ones. */
const DATABASE = 'demo';
const BANNER = 'Demo: these prices are made up.';
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
        return await showWay({ ...context, settings });
      });
    } finally {
      await simulator.close();
    }
  },
});

async function showWay(context: CommandContext): Promise<Outcome> {
  const { terminal, settings } = context;
  terminal.note(BANNER);
  const { exitCode, document, text } = await runLocally({}, systemClock, context);
  const { path, data } = await withDatabase(context, (database) =>
    writeReport(database, join(DATA_FOLDER, 'demo.html'), {
      now: systemClock.now(),
      universe: settings.universe,
      monthlyCredits: settings.source.monthlyCredits,
      banner: BANNER,
    }),
  );
  return {
    exitCode,
    document: { ...document, page: path },
    text: [text, '', pricesText(data), '', `${BANNER} The page to look at: ${path}`].join('\n'),
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
function pricesText({ newestFinalDay, days, series, universe }: ReportData): string {
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
