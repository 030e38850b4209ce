import { type Environment, parseSourceSettings, type SourceSettings } from '../../ingestion/settings.ts';

/**
 * @param secret the value of the secret that holds CoinGecko's key; null, blank or `{}` mean that there is none.
 * @returns how CoinGecko is asked with that key. Without one that is the public plan; what the stage sets for the plan of
 * a key does not hold there, unless it sets the public plan itself.
 * @throws SettingError naming every setting that is wrong.
 */
export function sourceSettings(environment: Environment, secret: string | null): SourceSettings {
  const key = secret?.trim() ?? '';
  if (key !== '' && key !== '{}') return parseSourceSettings({ ...environment, COINGECKO_API_KEY: key });
  const isPublic = environment['COINGECKO_PLAN'] === 'public';
  return parseSourceSettings(isPublic ? { ...environment, COINGECKO_API_KEY: undefined } : {});
}
