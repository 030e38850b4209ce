import type { Instant } from '../../ingestion/domain/day.ts';
import type { AwsJsonServer } from './aws-json-server.ts';
import { createSecret, type Secret, startSecretsManager as start } from './secrets-manager.ts';

export type SecretsManagerServer = AwsJsonServer & Omit<Secret, 'actions'>;

/** Secrets Manager with one secret, whatever it is called. */
export async function startSecretsManager(now: () => Instant): Promise<SecretsManagerServer> {
  const { actions, ...secret } = createSecret(now);
  return Object.assign(await start(() => ({ actions, ...secret })), secret);
}
