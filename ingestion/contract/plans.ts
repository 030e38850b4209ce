export type PlanName = 'public' | 'demo' | 'paid';

/** What a CoinGecko plan allows, and how it is addressed. */
export type Plan = {
  readonly baseUrl: string;
  /** The header that carries the key, for a key never goes into a URL. Null where the plan takes no key. */
  readonly keyHeader: string | null;
  readonly requestsPerMinute: number;
  /** Successful answers a UTC month. Null where CoinGecko names no quota. */
  readonly monthlyCredits: number | null;
  /** How many days back hourly prices reach. */
  readonly historyDays: number;
};

/**
 * Figures from CoinGecko's pricing and API pages, November 2026. The public plan allows 5–15 calls a minute to everybody
 * behind one IP address. A run starts with 10, and a 429 lowers it. The paid figures are those of Basic, the smallest.
 */
export const PLANS: Readonly<Record<PlanName, Plan>> = {
  public: {
    baseUrl: 'https://api.coingecko.com/api/v3',
    keyHeader: null,
    requestsPerMinute: 10,
    monthlyCredits: null,
    historyDays: 365,
  },
  demo: {
    baseUrl: 'https://api.coingecko.com/api/v3',
    keyHeader: 'x-cg-demo-api-key',
    requestsPerMinute: 30,
    monthlyCredits: 10_000,
    historyDays: 365,
  },
  paid: {
    baseUrl: 'https://pro-api.coingecko.com/api/v3',
    keyHeader: 'x-cg-pro-api-key',
    requestsPerMinute: 250,
    monthlyCredits: 100_000,
    historyDays: 730,
  },
};
