import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DAILY_SCHEDULE } from '../../ingestion/contract/limits.ts';
import type { Database } from '../../ingestion/database/connection.ts';
import { LockTakenError } from '../../ingestion/domain/failure.ts';
import type { Verdict } from '../../ingestion/domain/verdict.ts';
import { beat, postMessage } from '../../ingestion/post-message.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { readTriagedStatus } from '../../ingestion/triage.ts';
import { lastDueAt } from '../../lib/schedule/schedule-expression.ts';
import type { CommandContext } from './command.ts';
import { queueFolderOf } from './with-database.ts';

/**
 * Tells heartbeat and webhook, where there are any, how a full run ended. It never throws: what can't be told is said on stderr.
 * @param end a run that found the lock taken tells nothing.
 * @param database null where it is out of reach.
 */
export async function tellFullRun(
  end: { readonly verdict: Verdict } | { readonly error: unknown },
  database: Database | null,
  context: Pick<CommandContext, 'settings' | 'terminal'>,
): Promise<void> {
  if ('error' in end && end.error instanceof LockTakenError) return;
  const { heartbeatUrl, alertWebhookUrl } = context.settings;
  const isComplete = 'verdict' in end && end.verdict.status === 'complete';
  const trying = async (work: () => Promise<void>) => {
    await work().catch((error: Error) => context.terminal.printError(error.message));
  };
  if (heartbeatUrl !== null) await trying(() => beat(heartbeatUrl, isComplete));
  if (alertWebhookUrl !== null)
    await trying(() => alert(new URL(alertWebhookUrl), isComplete, () => reasons(end, database, context), context));
}

/** A file remembers that the webhook was told, and since when. What could not be posted is posted after the next run. */
async function alert(
  url: URL,
  isComplete: boolean,
  readReasons: () => Promise<string[]>,
  { settings }: Pick<CommandContext, 'settings'>,
): Promise<void> {
  const file = join(queueFolderOf(settings.databaseUrl), 'alert-since');
  const since = await readFile(file, 'utf8').catch(() => null);
  if (isComplete === (since === null)) return;
  const now = `${new Date(systemClock.now()).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  if (isComplete) {
    await postMessage(url, [`OK: crypto prices are complete again at ${now}; they were not since ${since}`], SETTING);
    await rm(file);
    return;
  }
  await postMessage(url, [`ALARM: crypto prices are not complete, since ${now}`, ...(await readReasons())], SETTING);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, now);
}

const SETTING = 'ALERT_WEBHOOK_URL';

/** @returns what is missing since when, why, and what to do. */
async function reasons(
  end: { readonly verdict: Verdict } | { readonly error: unknown },
  database: Database | null,
  { settings: { universe } }: Pick<CommandContext, 'settings'>,
): Promise<string[]> {
  const told = 'error' in end ? [end.error instanceof Error ? end.error.message : String(end.error)] : [];
  const now = systemClock.now();
  const question = { now, universe, scheduledAt: lastDueAt(DAILY_SCHEDULE, now) };
  const status = database && (await readTriagedStatus(database, question).catch(() => null));
  return status
    ? [...told, status.triage.missing, status.triage.next]
    : [...told, 'Next: fix that, then npm run fetch-data.'];
}
