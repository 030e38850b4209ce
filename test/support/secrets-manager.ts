import type { Instant } from '../../ingestion/domain/day.ts';
import { type AwsJsonServer, ServiceError, startAwsJsonServer } from './aws-json-server.ts';

type Version = { value: string | null; readonly createdAt: Instant; readonly labels: Set<string> };

export type Secret = ReturnType<typeof createSecret>;

const ACTIONS = ['DescribeSecret', 'GetSecretValue', 'PutSecretValue', 'UpdateSecretVersionStage'] as const;

/** A secret without a value yet: versions, staging labels and dates as Secrets Manager keeps them. */
export function createSecret(now: () => Instant) {
  const versions = new Map<string, Version>();
  let lastRotatedAt: Instant | undefined;

  const holderOf = (label: string) => [...versions].find(([, { labels }]) => labels.has(label));
  const seconds = (at: Instant) => at / 1000;

  function moveLabel(label: string, to: string): void {
    const [from, holder] = holderOf(label) ?? [];
    if (from === to) return;
    holder?.labels.delete(label);
    versions.get(to)?.labels.add(label);
    if (label === 'AWSCURRENT' && from !== undefined) moveLabel('AWSPREVIOUS', from);
  }

  function addVersion(id: string, value: string | null, labels: readonly string[]): void {
    const known = versions.get(id);
    if (known && known.value !== null && known.value !== value) {
      throw new ServiceError('ResourceExistsException', `The version ${id} has another value.`);
    }
    if (known) known.value = value;
    else versions.set(id, { value, createdAt: now(), labels: new Set() });
    for (const label of labels) moveLabel(label, id);
  }

  const actions: Record<(typeof ACTIONS)[number], (input: Record<string, unknown>) => object> = {
    DescribeSecret: () => ({
      VersionIdsToStages: Object.fromEntries(
        [...versions].filter(([, { labels }]) => labels.size > 0).map(([id, { labels }]) => [id, [...labels]]),
      ),
      ...(lastRotatedAt === undefined ? {} : { LastRotatedDate: seconds(lastRotatedAt) }),
    }),
    GetSecretValue: ({ VersionId: id, VersionStage: label }) => {
      const [versionId, version] =
        id === undefined ? (holderOf(String(label ?? 'AWSCURRENT')) ?? []) : [String(id), versions.get(String(id))];
      if (!version?.value) throw new ServiceError('ResourceNotFoundException', 'There is no such value.');
      const { value, createdAt, labels } = version;
      return { VersionId: versionId, SecretString: value, CreatedDate: seconds(createdAt), VersionStages: [...labels] };
    },
    PutSecretValue: ({ ClientRequestToken: id, SecretString: value, VersionStages: labels }) => {
      addVersion(String(id), String(value), (labels as string[] | undefined) ?? ['AWSCURRENT']);
      return { VersionId: id };
    },
    UpdateSecretVersionStage: ({ VersionStage: label, MoveToVersionId: to, RemoveFromVersionId: from }) => {
      const [holder] = holderOf(String(label)) ?? [];
      if (holder !== from)
        throw new ServiceError('InvalidParameterException', `${label} is on ${holder}, not ${from}.`);
      moveLabel(String(label), String(to));
      return {};
    },
  };

  return {
    /** What Secrets Manager does with it, by the names of its actions. */
    perform: actions,
    /** Puts a value by hand, as a person would: it is current at once. */
    put: (id: string, value: string) => addVersion(id, value, ['AWSCURRENT']),
    /** What RotateSecret does before it calls the function: a pending version without a value. */
    beginRotation: (id: string) => addVersion(id, null, ['AWSPENDING']),
    /** What Secrets Manager does when the last step has succeeded. */
    endRotation: () => {
      lastRotatedAt = now();
    },
    /** @returns the value that carries the label. */
    labelled: (label: string) => holderOf(label)?.[1].value ?? null,
  };
}

/** Secrets Manager on loopback. @param find finds a secret by its id. */
export function startSecretsManager(find: (id: string) => Secret | undefined): Promise<AwsJsonServer> {
  const perform = (action: (typeof ACTIONS)[number]) => (input: Record<string, unknown>) => {
    const secret = find(String(input['SecretId']));
    if (!secret) throw new ServiceError('ResourceNotFoundException', 'There is no such secret.');
    return secret.perform[action](input);
  };
  return startAwsJsonServer(Object.fromEntries(ACTIONS.map((action) => [action, perform(action)])));
}

export type SecretsManagerServer = AwsJsonServer & Secret;

/** Secrets Manager with one secret, whatever it is called. */
export async function startOneSecret(now: () => Instant): Promise<SecretsManagerServer> {
  const secret = createSecret(now);
  return Object.assign(await startSecretsManager(() => secret), secret);
}
