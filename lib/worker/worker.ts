import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { RecursiveLoop } from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import type { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import { CfnSecret, type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { WORKER_MEMORY_MB, WORKER_NODE_OPTIONS, WORKER_TIMEOUT_MINUTES } from '../../ingestion/contract/limits.ts';
import type { Database } from '../database/price-database.ts';
import { createHandlerFunction, SOURCE_LINES } from '../functions/handler-function.ts';
import { acknowledge, functionLog, output } from '../house-rules.ts';
import { critical, graph, MOST, SUM, Watched, warning } from '../monitoring/watched.ts';
import type { StackConfig } from '../stage-config.ts';
import type { Queues } from './queues.ts';

/** CoinGecko's API key. It is created empty, which means the public plan. A person fills it in, and no deploy touches it. */
export class CoingeckoKey extends Construct {
  readonly secret: ISecret;

  constructor(scope: Construct, id: string, config: StackConfig) {
    super(scope, id);
    // The construct `Secret` always generates a value, and the worker would send it as a key.
    const resource = new CfnSecret(this, 'Resource', {
      description: `API key of CoinGecko (${config.deployment}); empty for the public plan`,
    });
    resource.applyRemovalPolicy(config.isProtected ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY);
    acknowledge(resource, {
      'AwsSolutions-SMG4': 'CoinGecko has no API that issues keys: a person does it on its website.',
    });
    this.secret = Secret.fromSecretCompleteArn(this, 'Secret', resource.ref);
    output(this, 'CoingeckoKeyArn', "The secret with CoinGecko's key", resource.ref);
    output(
      this,
      'SetCoingeckoKey',
      'Asks for the API key and stores it for the next run',
      `read -rs KEY && printf %s "$KEY" | aws secretsmanager put-secret-value --region ${Stack.of(this).region} --secret-id ${resource.ref} --secret-string file:///dev/stdin`,
    );
  }
}

/** A hop starts nothing in its last minute and waits at most 30 s for an answer. One that gets this close failed to stop. */
const SLOW_MARGIN_SECONDS = 15;

/** The worker. It takes one message at a time from the queue of runs. */
export class Worker extends Watched {
  readonly handler: NodejsFunction;

  constructor(scope: Construct, id: string, config: StackConfig, database: Database, queues: Queues, key: ISecret) {
    super(scope, id, config, [functionLog(config, 'worker')]);
    this.handler = createHandlerFunction(this, config, 'worker', {
      description: 'Works on one hop of a run: fetches what is missing from CoinGecko and stores it',
      timeout: Duration.minutes(WORKER_TIMEOUT_MINUTES),
      memorySize: WORKER_MEMORY_MB,
      nodeOptions: `${SOURCE_LINES} ${WORKER_NODE_OPTIONS}`,
      database,
      environment: {
        queueUrl: queues.runs.queueUrl,
        deadLetterQueueUrl: queues.deadRuns.queueUrl,
        coingeckoSecretId: key.secretArn,
        coingeckoPlan: config.coingeckoPlan,
        coingeckoBaseUrl: config.coingeckoBaseUrl,
        coingeckoRequestsPerMinute: config.coingeckoRequestsPerMinute,
        coingeckoMonthlyCredits: config.coingeckoMonthlyCredits,
        coingeckoHistoryDays: config.coingeckoHistoryDays,
        coingeckoCrossRates: config.coingeckoCrossRates,
        latestPrices: config.latestPrices,
      },
      needsUniverse: true,
      // It queues its own continuations. MAX_HOPS ends them, and so does a hop without progress.
      recursiveLoop: RecursiveLoop.ALLOW,
    });
    key.grantRead(this.handler);
    queues.runs.grant(this.handler, 'sqs:SendMessage');
    queues.deadRuns.grant(this.handler, 'sqs:SendMessage');
    this.handler.addEventSource(new SqsEventSource(queues.runs, { batchSize: 1, reportBatchItemFailures: true }));
  }

  override alarms() {
    return [
      critical('worker-errors', this.handler.metricErrors(SUM), {
        meaning: 'A worker crashed, timed out or could not start. Its message comes back after the visibility timeout.',
      }),
      warning('worker-slow', this.handler.metricDuration(MOST), {
        meaning: `A hop came within ${SLOW_MARGIN_SECONDS} s of its limit of ${WORKER_TIMEOUT_MINUTES} minutes: it did not stop by itself in time.`,
        rings: ['from', (WORKER_TIMEOUT_MINUTES * 60 - SLOW_MARGIN_SECONDS) * 1000],
      }),
    ];
  }

  override graphs() {
    const { handler } = this;
    return [
      graph('Worked on', 'Worker', handler.metricInvocations(SUM), handler.metricErrors(SUM)),
      graph('Worked on', 'Hop duration', handler.metricDuration(MOST), this.measured('runDuration', MOST)),
    ];
  }
}
