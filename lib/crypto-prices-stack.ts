import { createHash } from 'node:crypto';
import { Annotations, Fn, Stack } from 'aws-cdk-lib';
import { CfnFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { ConnectionRepair, CronSecret, CronSecretRotation } from './cron-secret/cron-secret.ts';
import { Migrations, Status } from './database/database-functions.ts';
import { Database } from './database/price-database.ts';
import { Protection } from './database/protection.ts';
import { Endpoint } from './endpoint/endpoint.ts';
import { keepHelperFunctionsTidy } from './functions/handler-function.ts';
import { AlarmWebhook } from './monitoring/alarm-webhook.ts';
import { Alarms, createDashboard } from './monitoring/alarms.ts';
import type { Watched } from './monitoring/watched.ts';
import { Network } from './network/network.ts';
import { ScheduleRule } from './schedule/daily-fetch.ts';
import type { StackConfig } from './stage-config.ts';
import { DeployRun, Queues } from './worker/queues.ts';
import { RunResults } from './worker/run-results.ts';
import { CoingeckoKey, Worker } from './worker/worker.ts';

/** Everything in one stack: schedule, endpoint, queue, worker, database, and the alarms that watch them. */
export class CryptoPricesStack extends Stack {
  private readonly zones: readonly string[];

  /** @param commit with settings and functions, tells one deploy from another: each that changes one of them queues a run. */
  constructor(scope: Construct, id: string, config: StackConfig, commit: string) {
    super(scope, id, {
      description: `Daily crypto prices into PostgreSQL, on a schedule (${config.deployment})`,
      env: { account: config.account, region: config.region },
      tags: { ...config.tags, application: 'crypto-prices', stage: config.stage },
    });
    this.zones = config.availabilityZones ?? [0, 1].map((index) => Fn.select(index, Fn.getAzs()));
    for (const [name, sentence] of Object.entries(config.overrides)) {
      Annotations.of(this).addWarningV2(`crypto-prices:this-deploy-alone-${name}`, sentence);
    }

    const network = new Network(this, 'Network', config);
    const database = new Database(this, 'Database', config, network);
    const queues = new Queues(this, 'Queues', config);
    const coingeckoKey = new CoingeckoKey(this, 'CoingeckoKey', config);
    const cronSecret = new CronSecret(this, 'CronSecret', config);

    const { runs: queue } = queues;
    const endpoint = new Endpoint(this, 'Endpoint', config, cronSecret.secret, queue);
    const rotation = new CronSecretRotation(this, 'CronSecretRotation', config, cronSecret, endpoint);
    const repair = new ConnectionRepair(this, 'ConnectionRepair', config, cronSecret, queue);
    const worker = new Worker(this, 'Worker', config, database, queues, coingeckoKey.secret);
    const migrations = new Migrations(this, 'Migrations', config, network, database, worker);
    new Status(this, 'Status', config, database);

    const results = new RunResults(this, 'RunResults', config);
    // In the order in which a run passes them.
    const watched: Watched[] = [endpoint, repair, rotation, queues, worker, network, results, database];
    if (config.schedule) {
      const { expression } = config.schedule;
      watched.unshift(new ScheduleRule(this, 'Schedule', config, expression, cronSecret, endpoint.url));
    }
    const alarms = new Alarms(this, 'Alarms', config);
    const { alarmWebhookSecretName: secretName } = config;
    if (secretName) watched.push(new AlarmWebhook(this, 'AlarmWebhook', config, secretName, alarms.topic));
    const deployId = this.deployId(config, commit);
    if (config.schedule) new DeployRun(this, 'DeployRun', config, queue, deployId, [worker, migrations]);
    alarms.watch(watched);
    createDashboard(this, config, alarms.alarms, watched);

    keepHelperFunctionsTidy(this, config);
    if (config.isProtected) new Protection(this, 'Protection', config, database, deployId);
  }

  /** Not by the clock: two syntheses of one commit are equal. An asset's name is the hash of its files. */
  private deployId({ universeFile: _, overrides: __, ...settings }: StackConfig, commit: string): string {
    const functions = this.node.findAll().filter((one) => one instanceof CfnFunction);
    const parts = [commit, settings, functions.map(({ code }) => this.resolve(code))];
    return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
  }

  /** CDK would ask the account for them where the stack names one, and no synth should need an account. */
  override get availabilityZones(): string[] {
    return [...this.zones];
  }
}
