import { Duration } from 'aws-cdk-lib';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Trigger } from 'aws-cdk-lib/triggers';
import { Construct } from 'constructs';
import { MAX_RECEIVES, QUEUE_RETENTION_DAYS } from '../../ingestion/contract/limits.ts';
import { createHandlerFunction } from '../functions/handler-function.ts';
import { functionLog, output } from '../house-rules.ts';
import { critical, graph, MOST, Watched, warning } from '../monitoring/watched.ts';
import { resourceName, type StackConfig } from '../stage-config.ts';

/** Five hops of 15 minutes and the waits of 1, 5, 20 and 60 minutes between them are 161 minutes. */
const OLDEST_MESSAGE = Duration.hours(3);

/** The queue of runs and its dead-letter queue, both FIFO. With one message group, one run is worked on at a time. */
export class Queues extends Watched {
  readonly runs: Queue;
  readonly deadRuns: Queue;

  constructor(scope: Construct, id: string, config: StackConfig) {
    super(scope, id, config, [functionLog(config, 'worker')]);
    const common = {
      fifo: true,
      retentionPeriod: Duration.days(QUEUE_RETENTION_DAYS),
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
    };
    this.deadRuns = new Queue(this, 'DeadRuns', {
      ...common,
      queueName: `${resourceName(config, 'runs-dead')}.fifo`,
    });
    this.runs = new Queue(this, 'Runs', {
      ...common,
      queueName: `${resourceName(config, 'runs')}.fifo`,
      visibilityTimeout: Duration.minutes(config.visibilityMinutes),
      deadLetterQueue: { queue: this.deadRuns, maxReceiveCount: MAX_RECEIVES },
    });
    output(this, 'QueueUrl', 'The queue of runs, for npm run redrive -- --queue', this.runs.queueUrl);
  }

  override alarms() {
    const { runs, deadRuns } = this;
    return [
      critical('runs-dead', deadRuns.metricApproximateNumberOfMessagesVisible(MOST), {
        meaning: 'A run gave up and is in the dead-letter queue: prices are missing until its cause is fixed.',
      }),
      warning('message-old', runs.metricApproximateAgeOfOldestMessage(MOST), {
        meaning:
          'A run has been queued for longer than all its retries take: it waits for CoinGecko, or for an earlier run.',
        rings: ['from', OLDEST_MESSAGE.toSeconds()],
      }),
    ];
  }

  override graphs() {
    const { runs, deadRuns } = this;
    return [
      graph(
        'Queued',
        'Runs waiting',
        runs.metricApproximateNumberOfMessagesVisible(MOST),
        runs.metricApproximateNumberOfMessagesNotVisible(MOST),
      ),
      graph('Queued', 'Oldest message', runs.metricApproximateAgeOfOldestMessage(MOST)),
      graph('Queued', 'Dead letters', deadRuns.metricApproximateNumberOfMessagesVisible({ ...MOST, label: 'runs' })),
    ];
  }
}

/** Queues a run at the end of each deploy that changes something: a new stack gets prices at once, and a changed one shows that it still works. */
export class DeployRun extends Construct {
  constructor(scope: Construct, id: string, config: StackConfig, queue: Queue, deployId: string, after: Construct[]) {
    super(scope, id);
    const handler = createHandlerFunction(this, config, 'queue-run', {
      description: 'Queues a run at the end of a deploy',
      // Three attempts of 10 s, and the pauses between them.
      timeout: Duration.seconds(45),
      environment: { queueUrl: queue.queueUrl },
    });
    // Nothing reads it. A trigger runs again only when its function changes, and this changes with each deploy that changes anything.
    handler.addEnvironment('DEPLOY_ID', deployId);
    queue.grant(handler, 'sqs:SendMessage');
    new Trigger(this, 'Trigger', { handler, executeAfter: after });
  }
}
