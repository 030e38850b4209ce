import { inspect } from 'node:util';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createConnection } from '../../functions/common/eventbridge-connection.ts';
import type { RunQueue } from '../../functions/common/run-queue.ts';
import { createCronSecretReader } from '../../functions/common/secrets.ts';
import { repairConnection } from '../../functions/repair-connection/handler.ts';
import { createRotation, type RotationStep } from '../../functions/rotate-secret/rotation.ts';
import { failure } from '../../functions/trigger/http-call.ts';
import { createTrigger, type Trigger } from '../../functions/trigger/trigger.ts';
import { ENDPOINT_PATH, METRICS } from '../../ingestion/contract/names.ts';
import type { RunMessage } from '../../ingestion/contract/run-request.ts';
import { DAY_MS } from '../../ingestion/domain/day.ts';
import type { Clock } from '../../ingestion/ports.ts';
import { type HttpApi, type Integration, startHttpApi } from '../../local/stack/http-api.ts';
import { AWS_CLIENT } from '../support/aws-client.ts';
import { ServiceError } from '../support/aws-json-server.ts';
import { type EventBridgeServer, startEventBridge } from '../support/eventbridge-server.ts';
import { createRecordedLog } from '../support/recorded-log.ts';
import { type SecretsManagerServer, startOneSecret } from '../support/secrets-manager.ts';
import { DEFAULT_UNIVERSE } from '../support/universe.ts';

const STEPS: readonly RotationStep[] = ['create', 'set', 'test', 'finish'];
const OLD_SECRET = 'the-old-secret';
const secret = { secretId: 'cron', versionId: 'version-2' };

let now: number;
/** What the world does in each second that the function sleeps. */
let everySecond: () => Promise<void>;
let secretsManager: SecretsManagerServer;
let eventBridge: EventBridgeServer;
/** With the URL of its one path. */
let endpoint: HttpApi;
let warm: Trigger;
let log: ReturnType<typeof createRecordedLog>;
let queued: RunMessage[];

/** Time passes only while somebody sleeps. */
const clock: Clock = {
  now: () => now,
  monotonicMs: () => now,
  async sleep(durationMs) {
    for (const end = now + durationMs; now < end; ) {
      now = Math.min(end, now + 1_000);
      await everySecond();
    }
  },
};

const queue: RunQueue = {
  send: async (message) => {
    queued.push(message);
  },
  depth: async () => ({ waiting: 0, inFlight: 0 }),
};

const newClient = () => new SecretsManagerClient({ ...AWS_CLIENT, endpoint: secretsManager.url });
const newConnection = () =>
  createConnection(new EventBridgeClient({ ...AWS_CLIENT, endpoint: eventBridge.url }), 'crypto-dashboard-auth', clock);

const newInstance = (): Trigger =>
  createTrigger({
    secrets: createCronSecretReader({ client: newClient(), secretId: 'cron', clock, timeoutMs: 2_000 }),
    queue,
    queueTimeoutMs: 2_000,
    universe: DEFAULT_UNIVERSE,
    clock,
    emit: () => {},
  });

async function startEndpoint(trigger: Integration): Promise<HttpApi> {
  const onError = (error: unknown) => log.error('The endpoint failed', { error });
  const { url, close } = await startHttpApi({ port: 0, routes: { [ENDPOINT_PATH]: trigger }, onError });
  return { url: `${url}${ENDPOINT_PATH}`, close };
}

/** Calls the step as Secrets Manager does: in a process that knows nothing of the others. */
const rotate = (step: RotationStep, version = secret) =>
  createRotation({ client: newClient(), connection: newConnection(), endpointUrl: endpoint.url, clock })[step](version);

async function rotateWholly() {
  for (const step of STEPS) await rotate(step);
  secretsManager.endRotation();
}

const health = async (instance: Trigger, authorization: string) =>
  (
    await instance(
      { headers: { authorization }, requestContext: { requestId: 'probe', http: { method: 'GET', sourceIp: '::1' } } },
      createRecordedLog(),
    )
  ).statusCode;

beforeEach(async () => {
  now = Date.parse('2026-03-15T09:30:00Z');
  everySecond = async () => {};
  queued = [];
  log = createRecordedLog();
  secretsManager = await startOneSecret(clock.now);
  secretsManager.put('version-1', OLD_SECRET);
  eventBridge = await startEventBridge();
  eventBridge.authorization = `Bearer ${OLD_SECRET}`;
  warm = newInstance();
  endpoint = await startEndpoint((event) => warm(event, log));
});
afterEach(async () => {
  await Promise.all([secretsManager.close(), eventBridge.close(), endpoint.close()]);
});

describe('a rotation', () => {
  beforeEach(() => secretsManager.beginRotation(secret.versionId));

  test('ends with a new secret that is current, on the connection and accepted; the old one dies a day later', async () => {
    await rotateWholly();
    const current = secretsManager.labelled('AWSCURRENT');
    expect(current).toMatch(/^[\w-]{43}$/);
    expect(secretsManager.labelled('AWSPREVIOUS')).toBe(OLD_SECRET);
    expect(eventBridge).toMatchObject({ authorization: `Bearer ${current}`, state: 'AUTHORIZED' });
    expect(await health(newInstance(), `Bearer ${current}`)).toBe(200);
    now += DAY_MS + 5_000;
    const callers = [`Bearer ${OLD_SECRET}`, eventBridge.authorization ?? ''];
    expect(await Promise.all(callers.map((caller) => health(warm, caller)))).toEqual([401, 200]);
  });

  test('refuses no authorised call at any moment, on a warm instance or a new one', async () => {
    const refused: string[] = [];
    let calls = 0;
    let isProbing = false;
    const probe = async (moment: string) => {
      // The probes' own reading of the secret is no moment to probe at, or there would be no end of it.
      if (isProbing) return;
      isProbing = true;
      const instances = [
        ['warm', warm],
        ['new', newInstance()],
      ] as const;
      for (const [caller, authorization] of [
        ['EventBridge', eventBridge.authorization ?? ''],
        ['a person with the secret of yesterday', `Bearer ${OLD_SECRET}`],
        ['a person with the current secret', `Bearer ${secretsManager.labelled('AWSCURRENT')}`],
      ] as const) {
        for (const [name, instance] of instances) {
          calls += 1;
          const status = await health(instance, authorization);
          if (status !== 200) refused.push(`${caller}, ${name} instance, ${moment}: ${status}`);
        }
      }
      isProbing = false;
    };
    everySecond = () => probe('while it waits');
    secretsManager.around = (moment, action) => probe(`${moment} ${action}`);
    eventBridge.around = (moment, action) => probe(`${moment} ${action}`);

    await rotateWholly();
    await clock.sleep(10_000);

    expect(refused).toStrictEqual([]);
    expect(eventBridge.authorization).not.toBe(`Bearer ${OLD_SECRET}`);
    expect(calls).toBeGreaterThan(200);
  });

  test.each(STEPS)('comes to the same when %s is done twice', async (step) => {
    for (const each of STEPS) {
      await rotate(each);
      if (each === step) {
        const made = secretsManager.labelled('AWSPENDING');
        await rotate(each);
        expect(secretsManager.labelled('AWSPENDING')).toBe(made);
      }
    }
    const current = secretsManager.labelled('AWSCURRENT');
    expect(current).not.toBe(OLD_SECRET);
    expect(eventBridge.authorization).toBe(`Bearer ${current}`);
    expect(secretsManager.labelled('AWSPREVIOUS')).toBe(OLD_SECRET);
  });

  test.each(STEPS)('that broke off after %s is done wholly when it is begun again', async (last) => {
    for (const step of STEPS.slice(0, STEPS.indexOf(last) + 1)) await rotate(step);
    await rotateWholly();
    expect(eventBridge.authorization).toBe(`Bearer ${secretsManager.labelled('AWSCURRENT')}`);
    expect(secretsManager.labelled('AWSPREVIOUS')).toBe(OLD_SECRET);
  });

  test('whose finish broke off between its two halves, or was undone on the connection, is mended by a repeat', async () => {
    for (const step of ['create', 'set', 'test'] as const) await rotate(step);
    eventBridge.authorization = `Bearer ${OLD_SECRET}`;
    eventBridge.around = () => Promise.reject(new Error('EventBridge is away.'));
    await expect(rotate('finish')).rejects.toThrow('EventBridge is away.');
    eventBridge.around = async () => {};
    await rotate('finish');
    expect(eventBridge.authorization).toBe(`Bearer ${secretsManager.labelled('AWSCURRENT')}`);
  });

  test('fails at set when EventBridge does not authorise the connection, and leaves the old secret current', async () => {
    eventBridge.authorizingFor = Number.POSITIVE_INFINITY;
    await rotate('create');
    await expect(rotate('set')).rejects.toThrow(
      'is AUTHORIZING after a minute (As the test wants it.), expected AUTHORIZED',
    );
    expect(secretsManager.labelled('AWSCURRENT')).toBe(OLD_SECRET);
  });

  test('fails at test when the endpoint refuses the new secret, and does not name it', async () => {
    await rotate('create');
    await endpoint.close();
    endpoint = await startEndpoint(async () => failure(401, 'Unauthorized'));
    const error = await rotate('test').catch((reason: unknown) => reason);
    expect(String(error)).toContain('answered the new secret with 401, expected 200');
    expect(String(error)).not.toContain(secretsManager.labelled('AWSPENDING'));
  });

  test('fails at set without telling the secret that EventBridge quotes in its refusal', async () => {
    await rotate('create');
    eventBridge.around = () =>
      Promise.reject(new ServiceError('ValidationException', `Bad: ${secretsManager.labelled('AWSPENDING')}`));
    const error = await rotate('set').catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      name: 'ConnectionError',
      message: expect.stringContaining('ValidationException: Bad: …'),
    });
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(secretsManager.labelled('AWSPENDING'));
  });

  test('takes part in none for a version that carries no label', async () => {
    for (const step of STEPS) {
      await expect(rotate(step, { ...secret, versionId: 'version-9' })).rejects.toThrow(
        'The version version-9 of cron is labelled nothing, expected AWSPENDING or AWSCURRENT',
      );
    }
    expect(eventBridge.actions).toStrictEqual([]);
  });

  test('can not set or finish a version without a value', async () => {
    for (const step of ['set', 'finish'] as const) await expect(rotate(step)).rejects.toThrow('has no value');
    expect(secretsManager.labelled('AWSCURRENT')).toBe(OLD_SECRET);
  });

  test('tests the current secret where the pending version has no value, as when a rotation is set up', async () => {
    await expect(rotate('test')).resolves.toBeUndefined();
  });
});

describe('a repair', () => {
  let emitted: object[];
  const repair = () =>
    repairConnection('event-1', {
      client: newClient(),
      secretId: 'cron',
      connection: newConnection(),
      queue,
      clock,
      emit: (values) => emitted.push(values),
      log,
    });

  beforeEach(() => {
    emitted = [];
    eventBridge.authorization = 'Bearer a-secret-long-gone';
    eventBridge.state = 'DEAUTHORIZED';
  });

  test('authorises a de-authorised connection with the current secret, counts it and queues a run', async () => {
    await repair();
    expect(eventBridge).toMatchObject({ authorization: `Bearer ${OLD_SECRET}`, state: 'AUTHORIZED' });
    expect(emitted).toStrictEqual([{ [METRICS.connectionNotAuthorized]: 1 }]);
    expect(queued).toMatchObject([{ trigger: 'repair', triggerKey: 'repair:event-1', request: {}, hop: 0 }]);
    expect(log.text()).not.toContain(OLD_SECRET);
  });

  test('of a connection that is authorised by now changes nothing, and queues the run of the refused call', async () => {
    eventBridge.state = 'AUTHORIZED';
    await repair();
    expect(eventBridge.actions).toStrictEqual(['DescribeConnection']);
    expect(emitted).toStrictEqual([{ [METRICS.connectionNotAuthorized]: 1 }]);
    expect(queued).toMatchObject([{ triggerKey: 'repair:event-1' }]);
  });

  test('has queued its run before it asks EventBridge anything', async () => {
    eventBridge.around = () => Promise.reject(new ServiceError('AccessDeniedException', 'No.'));
    await expect(repair()).rejects.toThrow();
    expect(queued).toHaveLength(1);
  });

  test('that fails has counted the state and queued the run, and a repeat is the same run', async () => {
    secretsManager.around = () => Promise.reject(new Error('The service is down.'));
    await expect(repair()).rejects.toThrow('The service is down.');
    expect(emitted).toStrictEqual([{ [METRICS.connectionNotAuthorized]: 1 }]);
    secretsManager.around = async () => {};
    await repair();
    expect(eventBridge.state).toBe('AUTHORIZED');
    expect(new Set(queued.map(({ runId }) => runId)).size).toBe(1);
  });

  test('waits until every instance of the endpoint knows a secret that was put a moment ago', async () => {
    expect(await health(warm, `Bearer ${OLD_SECRET}`)).toBe(200);
    secretsManager.put('version-2', 'put-by-hand');
    const statuses: unknown[] = [];
    eventBridge.around = async (moment, action) => {
      if (moment === 'before' && action === 'UpdateConnection') statuses.push(await health(warm, 'Bearer put-by-hand'));
    };
    await repair();
    expect(statuses).toStrictEqual([200]);
  });
});
