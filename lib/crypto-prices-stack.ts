import { Annotations, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { ConnectionRepair } from './cron-secret/connection-repair.ts';
import { CronSecret, CronSecretRotation } from './cron-secret/cron-secret.ts';
import { Migrations } from './database/migrations.ts';
import { Database } from './database/price-database.ts';
import { Protection } from './database/protection.ts';
import { Status } from './database/status-function.ts';
import { Endpoint } from './endpoint/endpoint.ts';
import { keepHelperFunctionsTidy } from './functions/helper-functions.ts';
import { AlarmWebhook } from './monitoring/alarm-webhook.ts';
import { createAlarms } from './monitoring/alarms.ts';
import { createDashboard } from './monitoring/dashboard.ts';
import { Network } from './network/network.ts';
import { createOutputs } from './outputs.ts';
import { ScheduleRule } from './schedule/daily-fetch.ts';
import type { StackConfig } from './stage-config.ts';
import { CoingeckoKey } from './worker/coingecko-key.ts';
import { DeployRun } from './worker/deploy-run.ts';
import { Queues } from './worker/queues.ts';
import { Worker } from './worker/worker.ts';

export interface CryptoPricesStackProps {
  readonly config: StackConfig;
  /** Tells one deploy from another, so that each queues a run. */
  readonly deployId: string;
}

/** Everything in one stack: schedule, endpoint, queue, worker, database, and the alarms that watch them. */
export class CryptoPricesStack extends Stack {
  constructor(scope: Construct, id: string, { config, deployId }: CryptoPricesStackProps) {
    super(scope, id, {
      description: `Daily crypto prices into PostgreSQL, on a schedule (${config.deployment})`,
      tags: { application: 'crypto-prices', stage: config.stage },
    });
    for (const [name, sentence] of Object.entries(config.overrides)) {
      Annotations.of(this).addWarningV2(`crypto-prices:this-deploy-alone-${name}`, sentence);
    }

    const network = new Network(this, 'Network', config);
    const database = new Database(this, 'Database', { config, network });
    const queues = new Queues(this, 'Queues', config);
    const coingeckoKey = new CoingeckoKey(this, 'CoingeckoKey', config);
    const cronSecret = new CronSecret(this, 'CronSecret', config);

    const endpoint = new Endpoint(this, 'Endpoint', {
      config,
      secret: cronSecret.secret,
      queue: queues.runs,
    });
    const rotation = new CronSecretRotation(this, 'CronSecretRotation', {
      config,
      cronSecret,
      endpoint,
    });
    const repair = new ConnectionRepair(this, 'ConnectionRepair', { config, cronSecret, queue: queues.runs });
    const worker = new Worker(this, 'Worker', {
      config,
      database,
      queues,
      coingeckoKey: coingeckoKey.secret,
    });
    const migrations = new Migrations(this, 'Migrations', { config, network, database, before: [worker] });
    const status = new Status(this, 'Status', { config, database });
    const schedule =
      config.schedule &&
      new ScheduleRule(this, 'Schedule', {
        config,
        expression: config.schedule.expression,
        cronSecret,
        endpointUrl: endpoint.url,
      });
    if (schedule) {
      new DeployRun(this, 'DeployRun', { config, queue: queues.runs, deployId, after: [worker, migrations] });
    }

    const alarms = createAlarms(this, 'Alarms', {
      config,
      network,
      queues,
      worker: worker.handler,
      rotation: rotation.handler,
      repair: repair.handler,
      database,
      schedule,
    });
    if (config.alarmWebhookSecretName !== undefined) {
      new AlarmWebhook(this, 'AlarmWebhook', { config, secretName: config.alarmWebhookSecretName, alarms });
    }
    const dashboard = createDashboard(this, 'Dashboard', {
      config,
      schedule,
      endpoint,
      queues,
      worker: worker.handler,
      database,
      alarms,
    });
    keepHelperFunctionsTidy(this, config);
    if (config.isProtected) {
      new Protection(this, 'Protection', { config, database, deployId, after: this.node.children });
    }
    createOutputs(this, { network, database, queues, endpoint, cronSecret, coingeckoKey, status, dashboard });
  }
}
