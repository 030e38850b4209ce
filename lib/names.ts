import type { StackConfig } from './config.ts';

/** @returns the name of a resource of this stack. Names are fixed, so that the runbook can use them. */
export const resourceName = ({ suffix }: Pick<StackConfig, 'suffix'>, name: string): string =>
  `crypto-prices-${name}${suffix}`;

/** @returns the name of the stack. */
export const stackName = ({ suffix }: Pick<StackConfig, 'suffix'>): string => `CryptoPrices${suffix}`;
