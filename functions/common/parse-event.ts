import type * as z from 'zod';
import { firstIssue } from '../../ingestion/contract/show.ts';
import { IngestionError } from '../../ingestion/domain/failure.ts';

/**
 * Parses what Lambda was invoked with.
 * @param kind what it should be, as in "an event of a rotation".
 * @throws IngestionError naming the field at fault, without its value: events may hold secrets.
 */
export function parseEvent<Schema extends z.ZodType>(schema: Schema, event: unknown, kind: string): z.output<Schema> {
  const result = schema.safeParse(event);
  if (result.success) return result.data;
  throw new IngestionError(`This is not ${kind}: ${firstIssue(result.error, 'the event')}.`);
}
