import { Duration, Stack } from 'aws-cdk-lib';
import { Trigger } from 'aws-cdk-lib/triggers';
import { Construct } from 'constructs';
import { createHandlerFunction } from '../functions/handler-function.ts';
import { output } from '../house-rules.ts';
import type { Network } from '../network/network.ts';
import type { StackConfig } from '../stage-config.ts';
import type { Worker } from '../worker/worker.ts';
import type { Database } from './price-database.ts';

/** Room for the 8 minutes of connecting to a new database, and for the migrations themselves. */
const MIGRATIONS_TIMEOUT = Duration.minutes(14);

/** Brings the schema up to date during a deploy that changes the program. A failure fails the deploy. */
export class Migrations extends Construct {
  constructor(scope: Construct, id: string, config: StackConfig, network: Network, database: Database, next: Worker) {
    super(scope, id);
    const handler = createHandlerFunction(this, config, 'migrate', {
      description: 'Brings the schema of the database up to date; runs at each deploy that changes it',
      timeout: MIGRATIONS_TIMEOUT,
      database,
    });
    new Trigger(this, 'Trigger', {
      handler,
      timeout: MIGRATIONS_TIMEOUT,
      // The function reads its password through the way out, and nothing else in the template says so.
      executeAfter: [network, database],
      // It needs the schema. Not its role, which the database's security groups wait for.
      executeBefore: [next.handler],
    });
  }
}

/** Says what is stored, missing and under way. People invoke it by hand, since they can't reach the database. */
export class Status extends Construct {
  constructor(scope: Construct, id: string, config: StackConfig, database: Database) {
    super(scope, id);
    const { functionName } = createHandlerFunction(this, config, 'status', {
      description: 'Answers what is stored and missing, in JSON; {"runId":"..."} asks for one run',
      timeout: Duration.seconds(60),
      database,
      needsUniverse: true,
      environment: { schedule: config.schedule?.expression ?? 'none' },
    });
    output(
      this,
      'AskStatus',
      'What is stored, missing and under way',
      `aws lambda invoke --region ${Stack.of(this).region} --function-name ${functionName} --cli-binary-format raw-in-base64-out --payload '{}' /dev/stdout`,
    );
  }
}
