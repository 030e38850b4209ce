import { ENVIRONMENT } from '../../ingestion/contract/environment.ts';
import { SettingError } from '../../ingestion/read-settings.ts';

/**
 * Reads environment variables that the stack sets. The stage must be among them, whether or not it is asked for: metrics
 * without it reach no alarm.
 * @throws SettingError naming every one that is missing.
 */
export function readEnvironment<const Name extends keyof typeof ENVIRONMENT>(...names: Name[]): Record<Name, string> {
  const missing = (['stage', ...names] as const).filter((name) => !process.env[ENVIRONMENT[name]]);
  if (missing.length > 0) {
    throw new SettingError(missing.map((name) => `${ENVIRONMENT[name]} is not set; the stack sets it at deploy.`));
  }
  return Object.fromEntries(names.map((name) => [name, process.env[ENVIRONMENT[name]]])) as Record<Name, string>;
}
