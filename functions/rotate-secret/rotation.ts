import { randomBytes } from 'node:crypto';
import {
  DescribeSecretCommand,
  PutSecretValueCommand,
  ResourceExistsException,
  type SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { IngestionError } from '../../ingestion/domain/failure.ts';
import type { Clock } from '../../ingestion/ports.ts';
import type { Connection } from '../common/eventbridge-connection.ts';
import { readCurrentSecret, readSecret, SECRET_KNOWN_AFTER_MS } from '../common/secrets.ts';

/** 256 random bits, in 43 characters that need no escaping in a header. */
const SECRET_BYTES = 32;

const HEALTH_CALL_TIMEOUT_MS = 10_000;

/** A step that can't be done. Secrets Manager repeats the rotation; every step may be repeated. */
class RotationError extends IngestionError {
  override readonly name = 'RotationError';
}

export type RotationStep = keyof ReturnType<typeof createRotation>;

/** @property versionId of the secret's version that the rotation makes current. */
type Secret = { readonly secretId: string; readonly versionId: string };

/** The four steps by which Secrets Manager replaces the cron secret, in this order. Each of them may be repeated. */
export function createRotation(dependencies: {
  client: SecretsManagerClient;
  connection: Connection;
  endpointUrl: string;
  clock: Clock;
}) {
  const { client, connection, endpointUrl, clock } = dependencies;

  /** @returns the id of the current version, after checking that this one takes part in a rotation. */
  async function currentVersionOf({ secretId, versionId }: Secret): Promise<string | undefined> {
    const { VersionIdsToStages: labels = {} } = await client.send(new DescribeSecretCommand({ SecretId: secretId }));
    const found = labels[versionId] ?? [];
    if (found.includes('AWSPENDING') || found.includes('AWSCURRENT'))
      return Object.keys(labels).find((id) => labels[id]?.includes('AWSCURRENT'));
    const labelled = `The version ${versionId} of ${secretId} is labelled ${found.join(', ') || 'nothing'}`;
    throw new RotationError(`${labelled}, expected AWSPENDING or AWSCURRENT: start a new rotation.`);
  }

  /** @returns null where the version has no value yet. */
  const findValue = async ({ secretId, versionId }: Secret): Promise<string | null> =>
    (await readSecret(client, secretId, { id: versionId }))?.value ?? null;

  async function readValue(secret: Secret): Promise<string> {
    const value = await findValue(secret);
    if (value !== null) return value;
    const { versionId, secretId } = secret;
    throw new RotationError(`The version ${versionId} of ${secretId} has no value: start a new rotation.`);
  }

  return {
    async create(secret: Secret) {
      await currentVersionOf(secret);
      if ((await findValue(secret)) !== null) return;
      const put = new PutSecretValueCommand({
        SecretId: secret.secretId,
        ClientRequestToken: secret.versionId,
        SecretString: randomBytes(SECRET_BYTES).toString('base64url'),
        VersionStages: ['AWSPENDING'],
      });
      await client.send(put).catch((error: unknown) => {
        // A repeat of this step ran beside it and was first. Its value is as good.
        if (!(error instanceof ResourceExistsException)) throw error;
      });
    },

    async set(secret: Secret) {
      await currentVersionOf(secret);
      const value = await readValue(secret);
      // The endpoint must know the secret before EventBridge sends it: a 401 would de-authorise the connection.
      await clock.sleep(SECRET_KNOWN_AFTER_MS);
      await connection.authorise(value);
    },

    async test(secret: Secret) {
      await currentVersionOf(secret);
      // When a rotation is set up, Secrets Manager tries this step alone, with a pending version that has no value.
      const pending = await findValue(secret);
      const value = pending ?? (await readCurrentSecret(client, secret.secretId));
      const response = await fetch(endpointUrl, {
        headers: { authorization: `Bearer ${value}` },
        redirect: 'error',
        signal: AbortSignal.timeout(HEALTH_CALL_TIMEOUT_MS),
      });
      await response.body?.cancel();
      if (response.status === 200) return;
      const answered = `answered the ${pending === null ? 'current' : 'new'} secret with ${response.status}`;
      throw new RotationError(`The endpoint ${endpointUrl} ${answered}, expected 200: see the trigger's log.`);
    },

    async finish(secret: Secret) {
      const currentVersionId = await currentVersionOf(secret);
      const value = await readValue(secret);
      if (currentVersionId !== secret.versionId) {
        // Secrets Manager moves AWSPREVIOUS to the old version by itself.
        const move = new UpdateSecretVersionStageCommand({
          SecretId: secret.secretId,
          VersionStage: 'AWSCURRENT',
          MoveToVersionId: secret.versionId,
          RemoveFromVersionId: currentVersionId,
        });
        await client.send(move);
      }
      // A deploy or a repair since the set step may have put the old secret back on the connection; it is good for a day.
      // A repeat of this step authorises too, so that a rotation that broke off anywhere ends with both in agreement.
      await connection.authorise(value);
    },
  };
}
