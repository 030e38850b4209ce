import { Duration } from 'aws-cdk-lib';
import type { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import { Construct } from 'constructs';
import { createHandlerFunction } from '../functions/handler-function.ts';
import type { StackConfig } from '../stage-config.ts';
import type { Database } from './price-database.ts';

export interface StatusProps {
  readonly config: StackConfig;
  readonly database: Database;
}

/** Says what is stored, missing and under way. People invoke it by hand, since they can't reach the database. */
export class Status extends Construct {
  readonly handler: NodejsFunction;

  constructor(scope: Construct, id: string, { config, database }: StatusProps) {
    super(scope, id);
    this.handler = createHandlerFunction(this, 'Function', {
      config,
      folder: 'status',
      description: 'Answers what is stored and missing, in JSON; {"runId":"..."} asks for one run',
      timeout: Duration.seconds(60),
      database,
      needsUniverse: true,
      environment: { schedule: config.schedule?.expression ?? 'none' },
    });
  }
}
