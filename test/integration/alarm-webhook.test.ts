import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { ALARM, snsEvent } from '../support/alarm-event.ts';
import { type HandlerProcess, startHandler } from '../support/handler-process.ts';
import { type SecretsManagerServer, startOneSecret } from '../support/secrets-manager.ts';
import { startWebhooks, type WebhookServer } from '../support/webhook-server.ts';

const TOKEN = 'T00000000/B00000000/secret-part-of-the-address';
const SLACK = `https://hooks.slack.com/services/${TOKEN}`;
const DISCORD = `https://discord.com/api/webhooks/1234/${TOKEN}`;
const TEAMS = `https://default1234.61.environment.api.powerplatform.com:443/powerautomate/workflows/a/paths/invoke?api-version=1&sig=${TOKEN}`;
const OLDER_TEAMS = `https://prod-12.westeurope.logic.azure.com/workflows/a/paths/invoke?sig=${TOKEN}`;

const GITHUB = 'https://github.com/you/crypto-prices/blob/HEAD/docs/runbook.md#no-complete-run';
const CONSOLE = 'https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1';
const DASHBOARD = `${CONSOLE}#dashboards/dashboard/crypto-prices-runs`;
const LOGS = `${CONSOLE}#logsV2:logs-insights$3FqueryDetail$3D~$28end~0$29`;
const MEANING = '[critical] No full run has been complete for 26 hours: either none ran, or each left days missing.';

let secrets: SecretsManagerServer;
let webhooks: WebhookServer;
/** One warm process for all of them: only a process can be told of the proxy, and whom to trust. */
let handler: HandlerProcess;
beforeAll(async () => {
  secrets = await startOneSecret(Date.now);
  webhooks = await startWebhooks();
  handler = startHandler('functions/alarm-webhook/handler.ts', {
    ...{ STAGE: 'prod', WEBHOOK_SECRET_ID: 'webhook', AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url },
    ...webhooks.environment,
  });
});
afterAll(async () => {
  // Whoever reads the log must not be able to post.
  expect(JSON.stringify(await handler.end())).not.toContain('secret-part-of-the-address');
  await Promise.all([secrets.close(), webhooks.close()]);
});
beforeEach(() => {
  (webhooks.posts as unknown[]).length = 0;
  webhooks.answer = (response) => response.end('ok');
});

let versions = 0;

/** Puts the address into the secret and invokes the function. */
async function invoke(address: string, event: unknown) {
  versions += 1;
  secrets.put(`version-${versions}`, address);
  const { error } = await handler.invoke(event);
  expect(error ?? '').not.toContain('secret-part-of-the-address');
  return { error, posts: webhooks.posts };
}

/** What is posted of `ALARM`, with its links in the form of a host. */
const linesOf = (link: (label: string, url: string) => string, reason: string = ALARM.NewStateReason): string[] => [
  'ALARM: crypto-prices-no-complete-run, since 2026-11-27 04:00 UTC',
  MEANING,
  link('What to do', GITHUB),
  link('Dashboard', DASHBOARD),
  link('Logs', LOGS),
  reason,
];

describe('an alarm is posted in the form that the host takes', () => {
  test.each([
    ['Slack', SLACK],
    ["Discord's address for Slack's form", `${DISCORD}/slack`],
    ['any other', `https://chat.example.com/hooks/${TOKEN}`],
  ])('%s: a text with links, and its signs escaped', async (_, address) => {
    const { error, posts } = await invoke(`${address}\n`, snsEvent(ALARM));
    expect(error).toBeUndefined();
    const lines = linesOf((label, url) => `<${url}|${label}>`, ALARM.NewStateReason.replace('->', '-&gt;'));
    expect(posts).toEqual([{ method: 'POST', url: address, body: { text: lines.join('\n') } }]);
  });

  test('Discord: a content', async () => {
    const { posts } = await invoke(DISCORD, snsEvent(ALARM));
    const content = linesOf((label, url) => `[${label}](<${url}>)`).join('\n');
    expect(posts).toEqual([{ method: 'POST', url: DISCORD, body: { content } }]);
  });

  test('Discord takes 2,000 characters, and gets no more of the longest alarm there is', async () => {
    const links = ALARM.AlarmDescription.split('\n').slice(1).join('\n');
    const longest = {
      ...ALARM,
      AlarmName: 'x'.repeat(255),
      AlarmDescription: `${'x'.repeat(1024 - links.length - 1)}\n${links}`,
      NewStateReason: 'x'.repeat(1023),
    };
    const { posts } = await invoke(DISCORD, snsEvent(longest));
    expect(posts[0]?.body).toEqual({ content: expect.stringMatching(/^[\s\S]{1500,2000}$/) });
  });

  test.each([
    ['Teams', TEAMS],
    ['Teams, with an address of before', OLDER_TEAMS],
  ])('%s: a card with a block for each line', async (_, address) => {
    const { posts } = await invoke(address, snsEvent(ALARM));
    expect(posts).toHaveLength(1);
    expect(posts[0]).toMatchObject({ method: 'POST', url: address.replace(':443', '') });
    const lines = linesOf((label, url) => `[${label}](${url})`);
    const blocks = lines.map((text) => ({ type: 'TextBlock', text, wrap: true }));
    expect(posts[0]?.body).toMatchObject({
      type: 'message',
      attachments: [
        { contentType: 'application/vnd.microsoft.card.adaptive', content: { type: 'AdaptiveCard', body: blocks } },
      ],
    });
  });
});

describe('what is posted', () => {
  test('the end of an alarm', async () => {
    const { posts } = await invoke(SLACK, snsEvent({ ...ALARM, OldStateValue: 'ALARM', NewStateValue: 'OK' }));
    expect(posts[0]?.body).toEqual({
      text: expect.stringMatching(/^OK: crypto-prices-no-complete-run ended at 2026-11-27 04:00 UTC\n\[critical\] /),
    });
  });

  test('not that a new alarm is OK', async () => {
    const event = snsEvent({ ...ALARM, OldStateValue: 'INSUFFICIENT_DATA', NewStateValue: 'OK' });
    expect(await invoke(SLACK, event)).toEqual({ error: undefined, posts: [] });
  });

  test('an alarm without a text', async () => {
    const { posts } = await invoke(SLACK, snsEvent({ ...ALARM, AlarmDescription: null, NewStateReason: 'Drill' }));
    expect(posts[0]?.body).toEqual({
      text: 'ALARM: crypto-prices-no-complete-run, since 2026-11-27 04:00 UTC\nDrill',
    });
  });
});

describe('what could not be posted fails, so that Lambda tries again', () => {
  test.each([400, 404, 429, 500])('the webhook answers %d', async (status) => {
    webhooks.answer = (response) => response.writeHead(status).end(`no such webhook: ${TOKEN}`);
    const { error } = await invoke(SLACK, snsEvent(ALARM));
    expect(error).toBe(
      `WebhookError: The webhook answered ${status}, expected 2xx: make a new one if it is gone, and put its address into the secret.`,
    );
  });

  test.each<[string, WebhookServer['answer'], string, string, number]>([
    [
      'it leads elsewhere',
      (to) => to.writeHead(302, { location: `http://127.0.0.1:1/${TOKEN}` }).end(),
      SLACK,
      'The webhook answered 302, expected 2xx',
      1,
    ],
    ['it hangs up', (to) => to.destroy(), SLACK, "The webhook can't be reached: ", 1],
    [
      'its certificate is that of another host',
      (to) => to.end(),
      `https://elsewhere.example.com/${TOKEN}`,
      "The webhook can't be reached: ERR_TLS_CERT_ALTNAME_INVALID. See whether its host is up.",
      0,
    ],
  ])('%s', async (_, answer, address, message, posted) => {
    webhooks.answer = answer;
    const { error, posts } = await invoke(address, snsEvent(ALARM));
    expect(error).toContain(`WebhookError: ${message}`);
    expect(posts).toHaveLength(posted);
  });

  test.each([
    ['no address', `${TOKEN}`],
    ['one that is not encrypted', `http://hooks.slack.com/services/${TOKEN}`],
    ['one with a password', 'https://me:secret-part-of-the-address@hooks.slack.com/'],
    ['JSON', JSON.stringify({ url: SLACK })],
  ])('the secret holds %s', async (_, address) => {
    const { error, posts } = await invoke(address, snsEvent(ALARM));
    expect(error).toMatch(/^WebhookError: /);
    expect(posts).toEqual([]);
  });

  test.each([
    ['a text', snsEvent('hello'), 'Records[0].Sns.Message: no JSON'],
    ['another JSON', snsEvent({ hello: 'there' }), 'Records[0].Sns.Message.AlarmName'],
    ['a time that is none', snsEvent({ ...ALARM, StateChangeTime: 'soon' }), 'Records[0].Sns.Message.StateChangeTime'],
    ['nothing', {}, 'Records'],
  ])('the message is %s', async (_, event, field) => {
    const { error } = await invoke(SLACK, event);
    expect(error).toContain(`This is not CloudWatch's message about an alarm: ${field}`);
  });
});
