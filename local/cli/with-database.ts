import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { show } from '../../ingestion/contract/show.ts';
import { codesOf, findUnknown, type Universe } from '../../ingestion/contract/universe-schema.ts';
import { createDatabase, type Database } from '../../ingestion/database/connection.ts';
import { parseDatabaseUrl } from '../../ingestion/database/database-url.ts';
import { DatabaseFailedError } from '../../ingestion/database/failures.ts';
import { type Migrated, migrateToLatest } from '../../ingestion/database/migrator.ts';
import { readStoredNames } from '../../ingestion/database/read-rows.ts';
import { IngestionError } from '../../ingestion/domain/failure.ts';
import type { Series } from '../../ingestion/domain/series.ts';
import type { Log } from '../../ingestion/ports.ts';
import { SettingError } from '../../ingestion/read-settings.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../postgres/embedded-postgres.ts';
import { type CommandContext, UsageError } from './command.ts';

/** What this machine keeps between calls. It lies in the project, wherever the command is called from. */
export const DATA_FOLDER = fileURLToPath(new URL('../../.data', import.meta.url));

const QUEUES_FOLDER = join(DATA_FOLDER, 'queues');

/**
 * @param databaseUrl null for the embedded database.
 * @returns where its queue is kept: of each database its own, so that no run is worked on in another one.
 */
export function queueFolderOf(databaseUrl: string | null): string {
  if (databaseUrl === null) return join(QUEUES_FOLDER, 'embedded');
  const { host, port, database } = parseDatabaseUrl(databaseUrl);
  return join(QUEUES_FOLDER, createHash('sha256').update(`${host}:${port}/${database}`).digest('hex').slice(0, 12));
}

/** Does the work with the embedded server: one that already runs, or one that is started and stopped for it. */
export async function withEmbeddedServer<Result>(
  { terminal, settings, interrupt }: Pick<CommandContext, 'terminal' | 'settings' | 'interrupt'>,
  work: (url: string, server: EmbeddedPostgres) => Promise<Result>,
  isLasting = false,
): Promise<Result> {
  const options = { port: settings.embeddedPort, log: terminal.note, isLasting, interrupt };
  const server = await startEmbeddedPostgres({ dataFolder: DATA_FOLDER, ...options });
  try {
    return await work(server.url, server);
  } finally {
    await server.stop();
  }
}

/** @param server the embedded one, where that is used. */
type Work<Result> = (
  database: Database,
  migrated: Migrated,
  url: string,
  server: EmbeddedPostgres | null,
) => Promise<Result>;

/** A server that starts together with this machine is there by then. */
const PATIENCE_MS = 60_000;

type Options = { readonly isReading?: boolean; readonly asReader?: boolean; readonly isPatient?: boolean };

/**
 * Does the work with the database that the settings name, or with the embedded one. Its tables are up to date.
 * @param options.isReading a role or server that may only read will do: whoever may write keeps the tables up to date.
 * @param options.asReader on the embedded server the work is done by a login that may only read.
 * @param options.isPatient waits a minute for a server that does not answer yet: nobody may be there to try again.
 * @throws SettingError when DATABASE_URL can't be used.
 * @throws DatabaseUnreachableError when nothing answers there.
 */
export async function withDatabase<Result>(
  context: Pick<CommandContext, 'settings' | 'terminal' | 'log' | 'interrupt'>,
  work: Work<Result>,
  options: Options = {},
): Promise<Result> {
  const { databaseUrl } = context.settings;
  const use = (url: string, server: EmbeddedPostgres | null) =>
    useDatabase(url, context, options, async (database, migrated) => {
      if (!options.asReader || server === null) return await work(database, migrated, url, server);
      const reader = connectTo(server.readerUrl, context.log);
      try {
        return await work(reader, migrated, server.readerUrl, server);
      } finally {
        await reader.close();
      }
    });
  return await (databaseUrl === null ? withEmbeddedServer(context, use) : use(databaseUrl, null));
}

async function useDatabase<Result>(
  url: string,
  { log, interrupt }: Pick<CommandContext, 'log' | 'interrupt'>,
  { isReading = false, isPatient = false }: Options,
  work: (database: Database, migrated: Migrated) => Promise<Result>,
): Promise<Result> {
  const database = connectTo(url, log);
  try {
    const clock = { ...systemClock, sleep: (durationMs: number) => systemClock.sleep(durationMs, interrupt) };
    const waitMs = isPatient ? PATIENCE_MS : 0;
    const migrated = await migrateToLatest(database, { waitMs, clock, log }).catch((error: Error) => {
      if (isReading && mayOnlyRead(error)) return { applied: [], isNewer: false };
      throw error;
    });
    return await work(database, migrated);
  } finally {
    await database.close();
  }
}

function connectTo(url: string, log: Log): Database {
  try {
    return createDatabase({ url }, { log });
  } catch (error) {
    throw error instanceof IngestionError ? new SettingError([error.message]) : error;
  }
}

/** SQLSTATEs of a right that is missing, and of a server that takes no writes. */
const READ_ONLY = ['42501', '25006'];

const mayOnlyRead = ({ cause }: Error): boolean =>
  cause instanceof DatabaseFailedError && READ_ONLY.includes(cause.code);

type Names = { readonly coins?: readonly string[] | undefined; readonly currencies?: readonly string[] | undefined };

/**
 * Looks up what `--coin` and `--currency` name, in capitals or not, in the universe and in what is stored: series that were
 * removed from the universe keep their rows.
 * @returns the names as they are stored.
 * @throws UsageError with the nearest name.
 */
export async function resolveNames({ db }: Database, universe: Universe, names: Names): Promise<Names> {
  const stored = await readStoredNames(db);
  type Known = Parameters<typeof findUnknown>[1];
  const resolve = (kind: 'coin' | 'currency', given: readonly string[] | undefined, known: Known) => {
    const find = (name: string) => known.find(({ id }) => id.toLowerCase() === name.toLowerCase())?.id ?? name;
    const resolved = given?.map(find);
    const unknown = findUnknown(resolved ?? [], known);
    if (unknown === null) return resolved;
    throw new UsageError(
      `--${kind} is ${show(unknown.name)}, no ${kind} of the universe; the nearest is ${unknown.meant}. ` +
        `To add one: npm run universe -- add ${kind === 'coin' ? 'ID' : 'CODE'}`,
    );
  };
  return {
    coins: resolve('coin', names.coins, [...universe.coins, ...stored.coins]),
    currencies: resolve('currency', names.currencies, [...codesOf(universe), ...codesOf(stored)]),
  };
}

/** As `resolveNames`, of one series. */
export async function resolveSeries(database: Database, universe: Universe, series: Series): Promise<Series> {
  const given = { coins: [series.coin], currencies: [series.currency] };
  const { coins: [coin] = [], currencies: [currency] = [] } = await resolveNames(database, universe, given);
  return { coin: coin ?? series.coin, currency: currency ?? series.currency };
}

/** @returns the address that only reads; its password is for people, and stays out of pipes and journals. */
export const readerAddress = (
  { readerUrl, readerPasswordFile }: EmbeddedPostgres,
  { host }: Pick<CommandContext, 'host'>,
): string =>
  host.stdout.isTTY
    ? readerUrl
    : `${withoutPassword(readerUrl)}, only reading, with the password in ${readerPasswordFile}`;

/** @returns the URL as it may be shown. */
export function withoutPassword(url: string): string {
  const [address = '', query] = url.trim().split('?');
  const shown = address.replace(
    /^(\w+:\/\/)([^/#]*)@/,
    (_, scheme: string, user: string) => `${scheme}${user.split(':')[0]}@`,
  );
  const parameters = query?.split('&').filter((pair) => pair !== '' && !pair.startsWith('password='));
  return parameters && parameters.length > 0 ? `${shown}?${parameters.join('&')}` : shown;
}
