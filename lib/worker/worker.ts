import { Duration } from 'aws-cdk-lib';
import { RecursiveLoop } from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import type { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { WORKER_MEMORY_MB, WORKER_NODE_OPTIONS, WORKER_TIMEOUT_MINUTES } from '../../ingestion/contract/limits.ts';
import type { Database } from '../database/price-database.ts';
import { createHandlerFunction } from '../functions/handler-function.ts';
import type { StackConfig } from '../stage-config.ts';
import type { Queues } from './queues.ts';

export interface WorkerProps {
  readonly config: StackConfig;
  readonly database: Database;
  readonly queues: Queues;
  readonly coingeckoKey: ISecret;
}

/** The worker. It takes one message at a time from the queue of runs. */
export class Worker extends Construct {
  readonly handler: NodejsFunction;

  constructor(scope: Construct, id: string, { config, database, queues, coingeckoKey }: WorkerProps) {
    super(scope, id);
    const { coingecko } = config;
    this.handler = createHandlerFunction(this, 'Function', {
      config,
      folder: 'worker',
      description: 'Works on one hop of a run: fetches what is missing from CoinGecko and stores it',
      timeout: Duration.minutes(WORKER_TIMEOUT_MINUTES),
      memorySize: WORKER_MEMORY_MB,
      nodeOptions: WORKER_NODE_OPTIONS,
      database,
      environment: {
        queueUrl: queues.runs.queueUrl,
        deadLetterQueueUrl: queues.deadRuns.queueUrl,
        coingeckoSecretId: coingeckoKey.secretArn,
        coingeckoPlan: coingecko.plan,
        coingeckoBaseUrl: coingecko.baseUrl,
        coingeckoRequestsPerMinute: coingecko.requestsPerMinute?.toString(),
        coingeckoMonthlyCredits: coingecko.monthlyCredits?.toString(),
        coingeckoHistoryDays: coingecko.historyDays?.toString(),
        coingeckoCrossRates: coingecko.crossRates,
        latestPrices: coingecko.latestPrices,
      },
      needsUniverse: true,
      // It queues its own continuations. MAX_HOPS ends them, and so does a hop without progress.
      recursiveLoop: RecursiveLoop.ALLOW,
    });
    coingeckoKey.grantRead(this.handler);
    queues.runs.grant(this.handler, 'sqs:SendMessage');
    queues.deadRuns.grant(this.handler, 'sqs:SendMessage');
    this.handler.addEventSource(new SqsEventSource(queues.runs, { batchSize: 1, reportBatchItemFailures: true }));
  }
}
