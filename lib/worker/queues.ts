import { Duration } from 'aws-cdk-lib';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { MAX_RECEIVES, QUEUE_RETENTION_DAYS } from '../../ingestion/contract/limits.ts';
import type { StackConfig } from '../stage-config.ts';
import { resourceName } from '../stage-names.ts';

/** The queue of runs and its dead-letter queue, both FIFO. With one message group, one run is worked on at a time. */
export class Queues extends Construct {
  readonly runs: Queue;
  readonly deadRuns: Queue;

  constructor(scope: Construct, id: string, config: StackConfig) {
    super(scope, id);
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
  }
}
