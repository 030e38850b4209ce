import { createHash, timingSafeEqual } from 'node:crypto';
import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  ResourceNotFoundException,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { HOUR_MS, type Instant } from '../../ingestion/domain/day.ts';
import { IngestionError } from '../../ingestion/domain/failure.ts';
import type { Clock } from '../../ingestion/ports.ts';
import { within } from './aws-calls.ts';

/** How long the accepted secrets are remembered, or the failure to read them. */
const CACHE_MS = 5_000;

/**
 * After this long every instance of the endpoint accepts a new secret: Secrets Manager shows a new version everywhere
 * within 10 s, and no cache is older than 5 s. No caller may use the secret sooner.
 */
export const SECRET_KNOWN_AFTER_MS = CACHE_MS + 10_000;

/** How long a replaced secret stays good. */
const PREVIOUS_GOOD_FOR_MS = 24 * HOUR_MS;

/** The secret has no value, or Secrets Manager did not give it in time. */
class SecretUnavailableError extends IngestionError {
  override readonly name = 'SecretUnavailableError';
}

/** A version of a secret. Its value never changes. */
type SecretVersion = { readonly value: string; readonly createdAt: Instant };

/**
 * @param version.id the version, else the current one.
 * @returns null where the secret or the version has no value (yet).
 */
export async function readSecret(
  client: SecretsManagerClient,
  secretId: string,
  { id, signal }: { id?: string; signal?: AbortSignal } = {},
): Promise<SecretVersion | null> {
  try {
    const command = new GetSecretValueCommand({ SecretId: secretId, VersionId: id });
    const { SecretString: text, CreatedDate: createdAt } = await client.send(command, { abortSignal: signal });
    // A value put from a file ends with a line break, which no header can carry.
    const value = text?.trim();
    return value ? { value, createdAt: createdAt?.getTime() ?? 0 } : null;
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return null;
    throw error;
  }
}

/** @throws SecretUnavailableError when the secret has no current value. */
export async function readCurrentSecret(client: SecretsManagerClient, secretId: string): Promise<string> {
  const { value } = (await readSecret(client, secretId)) ?? {};
  if (value) return value;
  throw withoutValue(secretId);
}

const withoutValue = (secretId: string) =>
  new SecretUnavailableError(`The secret ${secretId} has no current value: put one, or deploy.`);

export type SecretReader = ReturnType<typeof createCronSecretReader>;

/**
 * Reads the secrets that the endpoint accepts: the current one, the pending one while a rotation is under way, the
 * previous one for 24 h after it was replaced.
 *
 * One `DescribeSecret` gives the labels of all versions at one moment; the values are then read by version id. Reading
 * each label by itself could miss a secret whose label moves between two reads, and refuse a good call. No caller can
 * make it read more often than every 5 s, not even while reading fails.
 */
export function createCronSecretReader(options: {
  readonly client: SecretsManagerClient;
  readonly secretId: string;
  readonly clock: Pick<Clock, 'now'>;
  /** For everything, retries included. */
  readonly timeoutMs: number;
}) {
  const { client, secretId, clock, timeoutMs } = options;
  const versions = new Map<string, SecretVersion>();
  let cached: { readonly until: Instant; readonly secrets: Promise<readonly string[]> } | undefined;

  async function versionOf(id: string | undefined, signal: AbortSignal): Promise<SecretVersion | null> {
    if (id === undefined) return null;
    const version = versions.get(id) ?? (await readSecret(client, secretId, { id, signal }));
    if (version) versions.set(id, version);
    return version;
  }

  async function load(signal: AbortSignal): Promise<readonly string[]> {
    const command = new DescribeSecretCommand({ SecretId: secretId });
    const described = await client.send(command, { abortSignal: signal });
    const { VersionIdsToStages: labels = {}, LastRotatedDate: lastRotatedAt } = described;
    for (const id of versions.keys()) if (!(id in labels)) versions.delete(id);
    const idOf = (label: string) => Object.keys(labels).find((id) => labels[id]?.includes(label));
    const [current, pending, previous] = await Promise.all(
      ['AWSCURRENT', 'AWSPENDING', 'AWSPREVIOUS'].map((label) => versionOf(idOf(label), signal)),
    );
    if (!current) throw withoutValue(secretId);

    // A version that is put by hand becomes current at once, one of a rotation only when the rotation ends.
    const replacedAt = Math.max(current.createdAt, lastRotatedAt?.getTime() ?? 0);
    const isPreviousGood = clock.now() < replacedAt + PREVIOUS_GOOD_FOR_MS;
    return [current, pending, isPreviousGood ? previous : null].flatMap((version) => version?.value ?? []);
  }

  return {
    /**
     * @returns every secret that is good at the moment, at least one.
     * @throws SecretUnavailableError
     */
    read(): Promise<readonly string[]> {
      const now = clock.now();
      if (!cached || now >= cached.until) {
        const secrets = within(timeoutMs, load).catch((error: unknown) => {
          if (error instanceof SecretUnavailableError) throw error;
          throw new SecretUnavailableError(`The secret ${secretId} can't be read.`, { cause: error });
        });
        cached = { until: now + CACHE_MS, secrets };
      }
      return cached.secrets;
    },
  };
}

/** @returns whether the candidate is one of the secrets, in a time that tells nothing about them. */
export function isOneOf(candidate: string, secrets: readonly string[]): boolean {
  const digest = sha256(candidate);
  return secrets.filter((secret) => timingSafeEqual(sha256(secret), digest)).length > 0;
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();
