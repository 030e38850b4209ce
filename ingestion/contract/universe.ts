export type Coin = { readonly id: string; readonly symbol: string; readonly name: string };
export type Currency = { readonly code: string; readonly name: string };

/** All series of a deployment: every coin in every currency. The first currency is the one the others are judged by. */
export type Universe = { readonly coins: readonly Coin[]; readonly currencies: readonly Currency[] };

/** What is tracked unless the `UNIVERSE` setting says otherwise. Ids are CoinGecko's; `npm run check-universe` compares. */
export const DEFAULT_UNIVERSE: Universe = {
  coins: [
    { id: 'bitcoin', symbol: 'btc', name: 'Bitcoin' },
    { id: 'ethereum', symbol: 'eth', name: 'Ethereum' },
    { id: 'solana', symbol: 'sol', name: 'Solana' },
    { id: 'cardano', symbol: 'ada', name: 'Cardano' },
    { id: 'ripple', symbol: 'xrp', name: 'XRP' },
    { id: 'polkadot', symbol: 'dot', name: 'Polkadot' },
    { id: 'dogecoin', symbol: 'doge', name: 'Dogecoin' },
    { id: 'avalanche-2', symbol: 'avax', name: 'Avalanche' },
    { id: 'chainlink', symbol: 'link', name: 'Chainlink' },
    { id: 'uniswap', symbol: 'uni', name: 'Uniswap' },
    { id: 'litecoin', symbol: 'ltc', name: 'Litecoin' },
  ],
  currencies: [
    { code: 'usd', name: 'US dollar' },
    { code: 'eur', name: 'Euro' },
    { code: 'gbp', name: 'Pound sterling' },
    { code: 'try', name: 'Turkish lira' },
  ],
};
