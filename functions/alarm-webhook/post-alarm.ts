import * as z from 'zod';
import { postMessage, WebhookError } from '../../ingestion/post-message.ts';
import { parseEvent } from '../common/invocation.ts';

/** Of the state's reason; a chat takes 2,000 characters for everything. */
const MAX_REASON_LENGTH = 500;

const state = z.enum(['OK', 'ALARM', 'INSUFFICIENT_DATA']);

/** What CloudWatch says of an alarm that changed its state. It writes times as `2026-11-27T04:00:00.123+0000`. */
const alarmSchema = z.object({
  AlarmName: z.string().min(1).max(255),
  AlarmDescription: z.string().max(1024).nullish(),
  OldStateValue: state,
  NewStateValue: state,
  NewStateReason: z.string().transform((text) => text.slice(0, MAX_REASON_LENGTH)),
  StateChangeTime: z.string().pipe(z.coerce.date()),
});

export type Alarm = z.output<typeof alarmSchema>;

const json = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue('no JSON');
    return z.NEVER;
  }
});

/** SNS sends a function one message at a time. */
const record = z.object({ Sns: z.object({ Message: json.pipe(alarmSchema) }) });
const notification = z.object({ Records: z.tuple([record]) });

/** @throws IngestionError naming the field at fault. */
export const parseAlarm = (event: unknown): Alarm =>
  parseEvent(notification, event, "CloudWatch's message about an alarm").Records[0].Sns.Message;

/** @returns whether the alarm began or ended. A new one that becomes OK for the first time did neither. */
export const isNews = ({ OldStateValue: before, NewStateValue: now }: Alarm): boolean =>
  now === 'ALARM' || before === 'ALARM';

/** @returns what is posted: what happened, since when, what to do, what was measured. */
function linesOf(alarm: Alarm): string[] {
  const { AlarmName: name, AlarmDescription: description, NewStateValue: state, NewStateReason: reason } = alarm;
  const at = `${alarm.StateChangeTime.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  const head = state === 'ALARM' ? `ALARM: ${name}, since ${at}` : `${state}: ${name} ended at ${at}`;
  return [head, ...(description ?? '').split('\n'), reason].filter((line) => line !== '');
}

/**
 * Posts the alarm in the form that the webhook's host takes.
 * @param address the secret's value.
 * @throws WebhookError
 */
export async function postAlarm(address: string, alarm: Alarm): Promise<void> {
  const url = URL.parse(address);
  const advice = "put the webhook's address into it, and nothing else";
  if (url?.protocol !== 'https:') throw new WebhookError(`The secret's value is no https address: ${advice}.`);
  await postMessage(url, linesOf(alarm), 'the secret');
}
