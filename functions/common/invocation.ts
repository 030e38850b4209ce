// What an invocation begins with: the environment that the stack sets, Lambda's context, the event.
import type * as z from 'zod';
import { ENVIRONMENT } from '../../ingestion/contract/names.ts';
import { firstIssue } from '../../ingestion/contract/show.ts';
import { IngestionError } from '../../ingestion/domain/failure.ts';
import { SettingError } from '../../ingestion/read-settings.ts';

/** What a handler uses of Lambda's context. @property awsRequestId is the same in Lambda's own repeats of an event. */
export type Invocation = { readonly awsRequestId: string; getRemainingTimeInMillis(): number };

/**
 * For middy in functions that write to the database. By default middy gives up on a handler 5 ms before its time is up.
 * The instance would then stay warm, and the old work would go on beside that of the next invocation.
 */
export const FULL_TIME = { timeoutEarlyInMillis: 0 };

/**
 * The stage must be set, whether or not it is asked for: metrics without it reach no alarm.
 * @throws SettingError naming every variable that is missing.
 */
export function readEnvironment<const Name extends keyof typeof ENVIRONMENT>(...names: Name[]): Record<Name, string> {
  const missing = (['stage', ...names] as const).filter((name) => !process.env[ENVIRONMENT[name]]);
  if (missing.length > 0) {
    throw new SettingError(missing.map((name) => `${ENVIRONMENT[name]} is not set; the stack sets it at deploy.`));
  }
  return Object.fromEntries(names.map((name) => [name, process.env[ENVIRONMENT[name]]])) as Record<Name, string>;
}

/**
 * @param kind what the event should be, as in "an event of a rotation".
 * @throws IngestionError naming the field at fault, without its value: events may hold secrets.
 */
export function parseEvent<Schema extends z.ZodType>(schema: Schema, event: unknown, kind: string): z.output<Schema> {
  const result = schema.safeParse(event);
  if (result.success) return result.data;
  throw new IngestionError(`This is not ${kind}: ${firstIssue(result.error, 'the event')}.`);
}
