import { ENVIRONMENT } from '../../ingestion/contract/environment.ts';
import { SettingError } from '../../ingestion/settings.ts';

/**
 * Reads environment variables that the stack sets.
 * @throws SettingError naming every one that is missing.
 */
export function readEnvironment<const Name extends keyof typeof ENVIRONMENT>(...names: Name[]): Record<Name, string> {
  const missing = names.filter((name) => !process.env[ENVIRONMENT[name]]);
  if (missing.length > 0) {
    throw new SettingError(missing.map((name) => `${ENVIRONMENT[name]} is not set; the stack sets it at deploy.`));
  }
  return Object.fromEntries(names.map((name) => [name, process.env[ENVIRONMENT[name]]])) as Record<Name, string>;
}
