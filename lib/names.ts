import type { StackConfig } from './config.ts';

/** What the names of this stack's resources begin with, so that the runbook can name them. */
export const resourceName = ({ suffix }: Pick<StackConfig, 'suffix'>, name: string): string =>
  `crypto-prices-${name}${suffix}`;
