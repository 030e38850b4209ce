import * as z from 'zod';
import { parseEvent } from '../common/parse-event.ts';

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

const message = z
  .string()
  .transform((text, context) => {
    try {
      return JSON.parse(text);
    } catch {
      context.issues.push({ code: 'custom', input: text, message: 'no JSON' });
      return z.NEVER;
    }
  })
  .pipe(alarmSchema);

/** SNS sends a function one message at a time. */
const notification = z.object({ Records: z.tuple([z.object({ Sns: z.object({ Message: message }) })]) });

/** @throws IngestionError naming the field at fault. */
export const parseAlarm = (event: unknown): Alarm =>
  parseEvent(notification, event, "CloudWatch's message about an alarm").Records[0].Sns.Message;

/** @returns whether the alarm began or ended. A new one that becomes OK for the first time did neither. */
export const isNews = ({ OldStateValue: before, NewStateValue: now }: Alarm): boolean =>
  now === 'ALARM' || before === 'ALARM';
