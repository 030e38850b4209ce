import type { StackConfig } from './stage-config.ts';

type Named = Pick<StackConfig, 'suffix'>;

/** @returns the name of a resource of this stack. Names are fixed, so that the runbook can use them. */
export const resourceName = ({ suffix }: Named, name: string): string => `crypto-prices-${name}${suffix}`;

/** @returns the name of the stack. */
export const stackName = ({ suffix }: Named): string => `CryptoPrices${suffix}`;

export const dashboardName = (config: Named): string => resourceName(config, 'runs');

/** @param folder the function's folder in `functions/`. */
export const functionLog = (config: Named, folder: string): string => `/aws/lambda/${resourceName(config, folder)}`;

/** Under this prefix a group needs no room in the account's resource policy for logs, which is full in some accounts. */
export const accessLog = (config: Named): string => `/aws/vendedlogs/apigateway/${resourceName(config, 'endpoint')}`;

export const databaseLog = (config: Named): string =>
  `/aws/rds/instance/${resourceName(config, 'database')}/postgresql`;
