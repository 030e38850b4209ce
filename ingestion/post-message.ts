// Tells the outside what happened: alarms on AWS, full runs on one machine.
import { IngestionError } from './domain/failure.ts';

const TIMEOUT_MS = 10_000;

/** Nothing was told. No message contains the address: whoever has it may post. */
export class WebhookError extends IngestionError {
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

/** @returns a line as a chat program at that address shows it. A `Label: https://…` becomes a link. */
function lineFor({ link, plain = (text) => text }: Form, line: string): string {
  const [, label, target] = /^([\w ]+): (https:\/\/\S+)$/.exec(line) ?? [];
  return label && target ? link(label, plain(target)) : plain(line);
}

/**
 * Posts lines in the form that the webhook's host takes.
 * @param place where its address is kept.
 * @throws WebhookError
 */
export async function postMessage(url: URL, lines: readonly string[], place: string): Promise<void> {
  const form = formOf(url);
  const body = JSON.stringify(form.body(lines.map((line) => lineFor(form, line))));
  const message = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
  await call(url, message, 'webhook', `make a new one if it is gone, and put its address into ${place}`);
}

/**
 * Asks the address of a heartbeat, in the way of healthchecks.io and cron monitors; `status=` is Uptime Kuma's.
 * @throws WebhookError
 */
export async function beat(address: string, isComplete: boolean): Promise<void> {
  const url = new URL(address);
  if (!isComplete) {
    url.pathname = `${url.pathname.replace(/\/$/, '')}/fail`;
    url.search = url.search.replace(/([?&]status=)up(?=&|$)/, '$1down');
  }
  await call(url, {}, 'heartbeat', 'see whether HEARTBEAT_URL is still its address');
}

async function call(url: URL, request: RequestInit, name: string, remedy: string): Promise<void> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const response = await fetch(url, { ...request, redirect: 'manual', signal }).catch(
    ({ name: kind, cause }: Error) => {
      // Such as ECONNREFUSED or TimeoutError. The error itself is not the cause: those of the network may hold the address.
      const code = cause instanceof Error && 'code' in cause ? cause.code : kind;
      throw new WebhookError(`The ${name} can't be reached: ${code}. See whether its host is up.`);
    },
  );
  await response.body?.cancel();
  if (!response.ok) throw new WebhookError(`The ${name} answered ${response.status}, expected 2xx: ${remedy}.`);
}
