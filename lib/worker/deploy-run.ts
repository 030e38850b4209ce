import { Duration } from 'aws-cdk-lib';
import type { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Trigger } from 'aws-cdk-lib/triggers';
import { Construct } from 'constructs';
import { createHandlerFunction } from '../functions/handler-function.ts';
import type { StackConfig } from '../stage-config.ts';

export interface DeployRunProps {
  readonly config: StackConfig;
  readonly queue: Queue;
  /** Tells one deploy from another. */
  readonly deployId: string;
  /** What must be in place before the run starts. */
  readonly after: readonly Construct[];
}

/** Queues a run at the end of each deploy: a new stack gets prices at once, and a changed one shows that it still works. */
export class DeployRun extends Construct {
  readonly handler: NodejsFunction;

  constructor(scope: Construct, id: string, { config, queue, deployId, after }: DeployRunProps) {
    super(scope, id);
    this.handler = createHandlerFunction(this, 'Function', {
      config,
      folder: 'queue-run',
      description: 'Queues a run at the end of a deploy',
      // Three attempts of 10 s, and the pauses between them.
      timeout: Duration.seconds(45),
      environment: { queueUrl: queue.queueUrl },
    });
    // Nothing reads it. A trigger runs again only when its function changes, and this changes with each deploy.
    this.handler.addEnvironment('DEPLOY_ID', deployId);
    queue.grant(this.handler, 'sqs:SendMessage');
    new Trigger(this, 'Trigger', { handler: this.handler, executeAfter: [...after] });
  }
}
