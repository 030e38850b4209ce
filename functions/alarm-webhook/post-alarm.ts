import * as z from 'zod';
import { IngestionError } from '../../ingestion/domain/failure.ts';
import { parseEvent } from '../common/invocation.ts';

/** Of the state's reason; a chat takes 2,000 characters for everything. */
const MAX_REASON_LENGTH = 500;
const TIMEOUT_MS = 10_000;

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

/** The alarm was not posted. No message contains the address: whoever has it may post. */
class WebhookError extends IngestionError {
  override readonly name = 'WebhookError';
}

/** How a chat program takes a message. */
type Form = {
  body(lines: readonly string[]): object;
  link(label: string, url: string): string;
  plain?(text: string): string;
};

/** Also of Mattermost, Google Chat and most others. https://docs.slack.dev/messaging/formatting-message-text */
const SLACK: Form = {
  body: (lines) => ({ text: lines.join('\n') }),
  link: (label, url) => `<${url}|${label}>`,
  plain: (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
};

/** The angle brackets keep Discord from showing a preview. It takes 2,000 characters. */
const DISCORD: Form = {
  body: (lines) => ({ content: lines.join('\n') }),
  link: (label, url) => `[${label}](<${url}>)`,
};

const CARD = { $schema: 'http://adaptivecards.io/schemas/adaptive-card.json', type: 'AdaptiveCard', version: '1.2' };

/** A workflow of Teams takes cards only: of `{"text"}` it shows nothing, and answers 202. Cards have no line breaks. */
const TEAMS: Form = {
  body(lines) {
    const content = { ...CARD, body: lines.map((text) => ({ type: 'TextBlock', text, wrap: true })) };
    return { type: 'message', attachments: [{ contentType: 'application/vnd.microsoft.card.adaptive', content }] };
  },
  link: (label, url) => `[${label}](${url})`,
};

/** By the end of the address's host. */
const FORMS: Readonly<Record<string, Form>> = {
  'discord.com': DISCORD,
  'discordapp.com': DISCORD,
  'logic.azure.com': TEAMS,
  'api.powerplatform.com': TEAMS,
};

function formOf({ hostname: host, pathname }: URL): Form {
  // Discord takes Slack's form too, at an address that ends so.
  if (pathname.endsWith('/slack')) return SLACK;
  return Object.entries(FORMS).find(([end]) => host === end || host.endsWith(`.${end}`))?.[1] ?? SLACK;
}

/** @returns what is posted: what happened, since when, what to do, what was measured. */
function messageFor(url: URL, alarm: Alarm): object {
  const { body, link, plain = (text) => text } = formOf(url);
  const { AlarmName: name, AlarmDescription: description, NewStateValue: state, NewStateReason: reason } = alarm;
  const at = `${alarm.StateChangeTime.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  const head = state === 'ALARM' ? `ALARM: ${name}, since ${at}` : `${state}: ${name} ended at ${at}`;
  const lines = [head, ...(description ?? '').split('\n'), reason].filter((line) => line !== '');
  const shown = lines.map((line) => {
    const [, label, target] = /^([\w ]+): (https:\/\/\S+)$/.exec(line) ?? [];
    return label && target ? link(label, plain(target)) : plain(line);
  });
  return body(shown);
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
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(messageFor(url, alarm)),
    redirect: 'manual',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch(({ name, cause }: Error) => {
    // Such as ECONNREFUSED or TimeoutError. The error itself is not the cause: those of the network may hold the address.
    const code = cause instanceof Error && 'code' in cause ? cause.code : name;
    throw new WebhookError(`The webhook can't be reached: ${code}. See whether its host is up.`);
  });
  await response.body?.cancel();
  if (response.ok) return;
  const remedy = 'make a new one if it is gone, and put its address into the secret';
  throw new WebhookError(`The webhook answered ${response.status}, expected 2xx: ${remedy}.`);
}
