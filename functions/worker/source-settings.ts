import { type Environment, parseSourceSettings, type SourceSettings } from '../../ingestion/read-settings.ts';

/**
 * @param secret the value of the secret that holds CoinGecko's key; null, blank or `{}` mean that there is none.
 * @returns how CoinGecko is asked with that key. Without a key the public plan is used. The stage's own settings hold for
 * it only where the stage names the public plan.
 * @throws SettingError naming every setting that is wrong.
 */
export function sourceSettings(environment: Environment, secret: string | null): SourceSettings {
  const key = secret?.trim() ?? '';
  if (key !== '' && key !== '{}') return parseSourceSettings({ ...environment, COINGECKO_API_KEY: key });
  const isPublic = environment['COINGECKO_PLAN'] === 'public';
  const { COINGECKO_CROSS_RATES, LATEST_PRICES } = environment;
  return parseSourceSettings(
    isPublic ? { ...environment, COINGECKO_API_KEY: undefined } : { COINGECKO_CROSS_RATES, LATEST_PRICES },
  );
}
