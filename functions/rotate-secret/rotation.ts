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

export type RotationStep = 'create' | 'set' | 'test' | 'finish';

/** @property versionId of the secret's version that the rotation makes current. */
type Secret = { readonly secretId: string; readonly versionId: string };

/** The four steps by which Secrets Manager replaces the cron secret, in this order. Each of them may be repeated. */
export function createRotation(dependencies: {
  readonly client: SecretsManagerClient;
  readonly connection: Connection;
  readonly endpointUrl: string;
  readonly clock: Clock;
}): Record<RotationStep, (secret: Secret) => Promise<void>> {
  const { client, connection, endpointUrl, clock } = dependencies;

  /** @returns the id of the current version, after checking that this one takes part in a rotation. */
  async function currentVersionOf({ secretId, versionId }: Secret): Promise<string | undefined> {
    const { VersionIdsToStages: labels = {} } = await client.send(new DescribeSecretCommand({ SecretId: secretId }));
    if (!labels[versionId]?.some((label) => label === 'AWSPENDING' || label === 'AWSCURRENT')) {
      throw new RotationError(
        `The version ${versionId} of ${secretId} is labelled ${labels[versionId]?.join(', ') ?? 'nothing'}, expected AWSPENDING or AWSCURRENT: start a new rotation.`,
      );
    }
    return Object.keys(labels).find((id) => labels[id]?.includes('AWSCURRENT'));
  }

  async function readValue({ secretId, versionId }: Secret): Promise<string> {
    const version = await readSecret(client, secretId, { id: versionId });
    if (version) return version.value;
    throw new RotationError(`The version ${versionId} of ${secretId} has no value: start a new rotation.`);
  }

  return {
    async create({ secretId, versionId }) {
      await currentVersionOf({ secretId, versionId });
      if (await readSecret(client, secretId, { id: versionId })) return;
      const put = new PutSecretValueCommand({
        SecretId: secretId,
        ClientRequestToken: versionId,
        SecretString: randomBytes(SECRET_BYTES).toString('base64url'),
        VersionStages: ['AWSPENDING'],
      });
      try {
        await client.send(put);
      } catch (error) {
        // A repeat of this step ran beside it and was first. Its value is as good.
        if (!(error instanceof ResourceExistsException)) throw error;
      }
    },

    async set(secret) {
      await currentVersionOf(secret);
      const value = await readValue(secret);
      // The endpoint must know the secret before EventBridge sends it: a 401 would de-authorise the connection.
      await clock.sleep(SECRET_KNOWN_AFTER_MS);
      await connection.authorise(value);
    },

    async test(secret) {
      await currentVersionOf(secret);
      // When a rotation is set up, Secrets Manager tries this step alone, with a pending version that has no value.
      const pending = await readSecret(client, secret.secretId, { id: secret.versionId });
      const value = pending?.value ?? (await readCurrentSecret(client, secret.secretId));
      const response = await fetch(endpointUrl, {
        headers: { authorization: `Bearer ${value}` },
        redirect: 'error',
        signal: AbortSignal.timeout(HEALTH_CALL_TIMEOUT_MS),
      });
      await response.body?.cancel();
      if (response.status === 200) return;
      throw new RotationError(
        `The endpoint ${endpointUrl} answered the ${pending ? 'new' : 'current'} secret with ${response.status}, expected 200: see the trigger's log.`,
      );
    },

    async finish({ secretId, versionId }) {
      const currentVersionId = await currentVersionOf({ secretId, versionId });
      const value = await readValue({ secretId, versionId });
      if (currentVersionId !== versionId) {
        // Secrets Manager moves AWSPREVIOUS to the old version by itself.
        await client.send(
          new UpdateSecretVersionStageCommand({
            SecretId: secretId,
            VersionStage: 'AWSCURRENT',
            MoveToVersionId: versionId,
            RemoveFromVersionId: currentVersionId,
          }),
        );
      }
      // A deploy or a repair since the set step may have put the old secret back on the connection; it is good for a day.
      // A repeat of this step authorises too, so that a rotation that broke off anywhere ends with both in agreement.
      await connection.authorise(value);
    },
  };
}
