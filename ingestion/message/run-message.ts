import { v5 as uuidV5 } from 'uuid';
import * as z from 'zod';
import { RunMessage } from '../contract/run-request.ts';
import { firstIssue, show } from '../contract/show.ts';
import { IngestionError } from '../domain/failure.ts';

/** Fixed for ever: another namespace would give redelivered triggers a second run. */
const RUN_NAMESPACE = '3f0b4a6e-52c1-4d0e-9b58-6c1f3f2a7d94';

/** @returns the id of the trigger's run: the same trigger, however often it arrives, is the same run. */
export const runIdOf = (triggerKey: string): string => uuidV5(triggerKey, RUN_NAMESPACE);

/** A queue message that no hop can be made of: broken, or written by a program with another version of the message. */
export class RunMessageError extends IngestionError {
  override readonly name = 'RunMessageError';
  readonly kind: 'unreadable' | 'unknown_version';

  constructor(kind: RunMessageError['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}

/**
 * Parses the body of a queue message. Whether the universe still has the request's coins and currencies is for
 * `parseRunRequest` to say: a message may be older than the universe, and is then refused, not unreadable.
 * @throws RunMessageError naming the field at fault.
 */
export function parseRunMessage(body: string): RunMessage {
  const json = parseJson(body);
  const { data } = z.object({ version: z.unknown() }).safeParse(json);
  if (data && data.version !== undefined && data.version !== 1) {
    const found = `The queue message has version ${show(data.version)}; this program reads version 1`;
    throw new RunMessageError('unknown_version', `${found}. It stays in the queue for a program that reads it.`);
  }
  const message = RunMessage.safeParse(json);
  if (message.success) return message.data;
  throw new RunMessageError('unreadable', `The queue message can't be read. ${firstIssue(message.error, 'body')}.`);
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    // The parser's own error would quote the body.
    throw new RunMessageError('unreadable', `The queue message can't be read: ${body.length} characters, no JSON.`);
  }
}
