import type { Universe } from '../ingestion/contract/universe-schema.ts';

/**
 * Some of the thousands of coins, and of the 60 currencies, that CoinGecko has besides those of universe.json: some share
 * a symbol, and some currencies are coins or metals.
 */
export const MORE: Universe = {
  coins: [
    { id: 'apecoin', symbol: 'ape', name: 'ApeCoin' },
    { id: 'aptos', symbol: 'apt', name: 'Aptos' },
    { id: 'binance-peg-polkadot', symbol: 'dot', name: 'Binance-Peg Polkadot' },
    { id: 'binance-peg-uniswap', symbol: 'uni', name: 'Binance-Peg Uniswap' },
    { id: 'binancecoin', symbol: 'bnb', name: 'BNB' },
    { id: 'cosmos', symbol: 'atom', name: 'Cosmos Hub' },
    { id: 'monero', symbol: 'xmr', name: 'Monero' },
    { id: 'near', symbol: 'near', name: 'NEAR Protocol' },
    { id: 'pepe', symbol: 'pepe', name: 'Pepe' },
    { id: 'pepe-2-0', symbol: 'pepe2.0', name: 'Pepe 2.0' },
    { id: 'pepe-bep20', symbol: 'pepe', name: 'PEPE (BEP-20)' },
    { id: 'shiba-inu', symbol: 'shib', name: 'Shiba Inu' },
    { id: 'shiba-inu-empire', symbol: 'shib', name: 'Shiba Inu Empire' },
    { id: 'stellar', symbol: 'xlm', name: 'Stellar' },
    { id: 'tether', symbol: 'usdt', name: 'Tether' },
    { id: 'tron', symbol: 'trx', name: 'TRON' },
    { id: 'unicorn-token', symbol: 'uni', name: 'UNICORN Token' },
    { id: 'wrapped-bitcoin', symbol: 'wbtc', name: 'Wrapped Bitcoin' },
  ],
  currencies: ['btc', 'eth', 'bnb', 'xlm', 'chf', 'jpy', 'pln', 'xau', 'sats'].map((code) => ({
    code,
    name: code.toUpperCase(),
  })),
};
