import type { Universe } from '../../ingestion/contract/universe-schema.ts';

/** Four series: enough to tell coins and currencies apart, and quick. */
export const TWO_COINS: Universe = {
  coins: [
    { id: 'bitcoin', symbol: 'btc', name: 'Bitcoin' },
    { id: 'dogecoin', symbol: 'doge', name: 'Dogecoin' },
  ],
  currencies: [
    { code: 'usd', name: 'US dollar' },
    { code: 'eur', name: 'Euro' },
  ],
};
