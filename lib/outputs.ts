import { CfnOutput, type Stack } from 'aws-cdk-lib';
import type { CronSecret } from './cron-secret/cron-secret.ts';
import type { Status } from './database/database-functions.ts';
import { DATABASE_NAME, type Database } from './database/price-database.ts';
import type { Endpoint } from './endpoint/endpoint.ts';
import { dashboardLink } from './monitoring/dashboard.ts';
import type { Network } from './network/network.ts';
import type { StackConfig } from './stage-config.ts';
import type { Queues } from './worker/queues.ts';
import type { CoingeckoKey } from './worker/worker.ts';

export interface OutputsProps {
  readonly config: StackConfig;
  readonly network: Network;
  readonly database: Database;
  readonly queues: Queues;
  readonly endpoint: Endpoint;
  readonly cronSecret: CronSecret;
  readonly coingeckoKey: CoingeckoKey;
  readonly status: Status;
}

/** What people need after a deploy: where things are, and commands to use them. None contains a secret. */
export function createOutputs(stack: Stack, props: OutputsProps): void {
  const { config, network, database, queues, endpoint, cronSecret, coingeckoKey, status } = props;
  const { region } = stack;
  const output = (id: string, description: string, value: string) => new CfnOutput(stack, id, { description, value });

  output('EndpointUrl', 'Queues a run; POST with the bearer secret', endpoint.url);
  output('DashboardUrl', 'The story of the runs', dashboardLink(region, config));
  output(
    'SetCoingeckoKey',
    'Asks for the API key and stores it for the next run',
    `read -rs KEY && printf %s "$KEY" | aws secretsmanager put-secret-value --region ${region} --secret-id ${coingeckoKey.secret.secretArn} --secret-string file:///dev/stdin`,
  );
  output(
    'FireRun',
    'Queues a run by hand',
    `aws secretsmanager get-secret-value --region ${region} --secret-id ${cronSecret.secret.secretArn} --query SecretString --output text | sed 's/^/Authorization: Bearer /' | curl -sS -X POST -H @- ${endpoint.url}`,
  );
  output(
    'AskStatus',
    'What is stored, missing and under way',
    `aws lambda invoke --region ${region} --function-name ${status.handler.functionName} --cli-binary-format raw-in-base64-out --payload '{}' /dev/stdout`,
  );
  output('QueueUrl', 'The queue of runs, for npm run redrive -- --queue', queues.runs.queueUrl);
  output('CronSecretArn', 'The bearer secret of the endpoint', cronSecret.secret.secretArn);
  output('CoingeckoKeyArn', "The secret with CoinGecko's key", coingeckoKey.secret.secretArn);
  output('DatabaseHost', 'Host of the database', database.instance.dbInstanceEndpointAddress);
  output('DatabasePort', 'Port of the database', database.instance.dbInstanceEndpointPort);
  output('DatabaseName', 'Name of the database', DATABASE_NAME);
  output('DatabaseSecretArn', 'Secret with username and password', database.secret.secretArn);
  output('VpcId', "The VPC, for the security groups of the database's clients", network.vpc.vpcId);
}
