import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { METRICS } from '../../ingestion/contract/names.ts';
import type { Clock, Log } from '../../ingestion/ports.ts';
import type { EmitMetrics } from '../common/emit-metrics.ts';
import type { Connection } from '../common/eventbridge-connection.ts';
import { firstHop, type RunQueue } from '../common/run-queue.ts';
import { readCurrentSecret, SECRET_KNOWN_AFTER_MS } from '../common/secrets.ts';

export type RepairDependencies = {
  readonly client: SecretsManagerClient;
  readonly secretId: string;
  readonly connection: Connection;
  readonly queue: RunQueue;
  readonly clock: Clock;
  readonly emit: EmitMetrics;
  readonly log: Log;
};

/**
 * Queues a run in place of the one whose call was refused, and authorises the connection with the current secret. The
 * connection's state decides whether there is anything left to repair: events come late, and twice.
 * @param eventId makes a repeat of the event the same run.
 * @throws what kept the connection from being authorised; Lambda repeats the event twice.
 */
export async function repairConnection(eventId: string, dependencies: RepairDependencies): Promise<void> {
  const { client, secretId, connection, queue, clock, emit, log } = dependencies;
  emit({ [METRICS.connectionNotAuthorized]: 1 });
  // The run needs no connection, so it is queued first: a repair that fails costs no prices.
  const message = firstHop({
    trigger: 'repair',
    triggerKey: `repair:${eventId}`,
    dueAt: new Date(clock.now()).toISOString(),
    request: {},
  });
  await queue.send(message);
  const state = await connection.state();
  if (state !== 'DEAUTHORIZED') {
    log.info('The connection needs no repair any more; a run is queued', { state, runId: message.runId });
    return;
  }
  const secret = await readCurrentSecret(client, secretId);
  // The secret may have been put a moment ago, by the person who is mending this.
  await clock.sleep(SECRET_KNOWN_AFTER_MS);
  await connection.authorise(secret);
  emit({ [METRICS.connectionRepaired]: 1 });
  log.warn('The connection was de-authorised and is repaired; a run is queued', { runId: message.runId });
}
