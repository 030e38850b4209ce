import { Annotations, Duration, RemovalPolicy } from 'aws-cdk-lib';
import { InstanceType, type IPeer, Peer, Port, SecurityGroup, SubnetType } from 'aws-cdk-lib/aws-ec2';
import type { FunctionOptions } from 'aws-cdk-lib/aws-lambda';
import * as rds from 'aws-cdk-lib/aws-rds';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import type { ENVIRONMENT } from '../../ingestion/contract/names.ts';
import { acknowledge, createLog, databaseLog, output } from '../house-rules.ts';
import { critical, graph, HOURLY, LEAST, MOST, Watched, warning } from '../monitoring/watched.ts';
import type { Network } from '../network/network.ts';
import { resourceName, type StackConfig } from '../stage-config.ts';
import { DATABASE_INSTANCES, FIRST_STORAGE_GIB } from '../stage-settings.ts';

const DATABASE_NAME = 'crypto_prices';
const DATABASE_PORT = 5432;

/** A healthy run's statements take milliseconds. One that takes this long is worth a log line. */
const SLOW_STATEMENT_MS = 500;

/** RDS grows the storage once less than a tenth has been free for 5 minutes. At half of that it has not grown. */
const STORAGE_LEFT = 0.05;
const GIB = 1024 ** 3;

/** A t4g.micro earns 12 an hour and uses 6 at its baseline of 10 %. */
const CPU_CREDITS_LEFT = 20;

/**
 * RDS allows PostgreSQL one connection for each 9,531,392 bytes of memory that the system leaves: about 80 on a t4g.micro.
 * Half of the nominal number is below that, and far above the six that this program uses.
 */
const connectionsTooMany = ({ databaseInstance }: StackConfig): number =>
  Math.floor((DATABASE_INSTANCES[databaseInstance] * GIB) / 9_531_392 / 2);

/** RDS PostgreSQL. Only this stack's functions and the clients in the settings can reach it, and only over TLS. */
export class Database extends Watched {
  readonly instance: rds.DatabaseInstance;
  /** `{"username","password"}`. RDS makes it and rotates it weekly. */
  readonly secret: ISecret;
  /** The subnets and security group of a function that uses the database. */
  readonly placement: Required<Pick<FunctionOptions, 'vpc' | 'vpcSubnets' | 'securityGroups'>>;
  readonly environment: Partial<Record<keyof typeof ENVIRONMENT, string>>;

  constructor(scope: Construct, id: string, config: StackConfig, { vpc }: Network) {
    super(scope, id, config, [databaseLog(config)]);
    const identifier = resourceName(config, 'database');
    const securityGroup = new SecurityGroup(this, 'SecurityGroup', {
      vpc,
      description: 'The database: answers only those it is opened to',
      allowAllOutbound: false,
    });
    // Only the major version: RDS retires minor ones, and a template that names one stops working.
    const engine = rds.DatabaseInstanceEngine.postgres({ version: rds.PostgresEngineVersion.VER_18 });
    this.instance = new rds.DatabaseInstance(this, 'Instance', {
      // A fixed name keeps CloudFormation from replacing it silently, and lets its log group be made first.
      instanceIdentifier: identifier,
      engine,
      instanceType: new InstanceType(config.databaseInstance),
      vpc,
      vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED },
      securityGroups: [securityGroup],
      port: DATABASE_PORT,
      databaseName: DATABASE_NAME,
      credentials: rds.Credentials.fromUsername('ingestion'),
      manageMasterUserPassword: true,
      parameterGroup: new rds.ParameterGroup(this, 'Parameters', {
        engine,
        description: `Parameters of ${identifier}`,
        parameters: {
          'rds.force_ssl': '1',
          log_min_duration_statement: String(SLOW_STATEMENT_MS),
          log_lock_waits: '1',
        },
      }),
      storageType: rds.StorageType.GP3,
      allocatedStorage: config.databaseStorageGib,
      maxAllocatedStorage: config.databaseStorageGib * 2,
      storageEncrypted: true,
      publiclyAccessible: false,
      multiAz: false,
      backupRetention: Duration.days(config.databaseBackupDays),
      // Away from the daily run: see DAILY_SCHEDULE.
      preferredBackupWindow: '04:00-05:00',
      preferredMaintenanceWindow: 'sun:05:30-sun:06:30',
      autoMinorVersionUpgrade: true,
      copyTagsToSnapshot: true,
      removalPolicy: config.isProtected ? RemovalPolicy.SNAPSHOT : RemovalPolicy.DESTROY,
      deleteAutomatedBackups: !config.isProtected,
      cloudwatchLogsExports: ['postgresql'],
    });
    // Otherwise RDS creates it, and keeps the logs for ever.
    this.instance.node.addDependency(createLog(this, 'Log', config, databaseLog(config)));
    acknowledge(this.instance, {
      'AwsSolutions-RDS3':
        'A second zone doubles the cost. Missed prices are fetched later: hours without a database lose nothing.',
      'AwsSolutions-RDS11':
        'Only named clients reach the port; another number would hide nothing and surprise every client.',
      'AwsSolutions-RDS10':
        'In production the last step of a deploy protects it (protection.ts); other stages are to be thrown away.',
    });
    if (config.databaseBackupDays > 1) {
      Annotations.of(this).addInfoV2(
        'crypto-prices:free-plan',
        'An account on the free plan of AWS refuses more than 1 day of backups: there, set databaseBackupDays to 1.',
      );
    }
    if (config.databaseStorageGib > FIRST_STORAGE_GIB) {
      Annotations.of(this).addInfoV2(
        'crypto-prices:storage',
        `databaseStorageGib is ${config.databaseStorageGib}: where the database has less, RDS takes it only if it is 10 % more than is allocated, and the last change 6 hours ago. The runbook's database-storage says how to see both.`,
      );
    }
    Annotations.of(this).addInfoV2(
      'crypto-prices:rds-role',
      'An account that never used RDS lacks its role: run aws iam create-service-linked-role --aws-service-name rds.amazonaws.com before the first deploy.',
    );

    if (!this.instance.secret) throw new Error('RDS manages the password, so there is a secret.');
    this.secret = this.instance.secret;
    this.environment = {
      databaseSecretId: this.secret.secretArn,
      databaseHost: this.instance.dbInstanceEndpointAddress,
      databasePort: this.instance.dbInstanceEndpointPort,
      databaseName: DATABASE_NAME,
    };
    output(this, 'DatabaseHost', 'Host of the database', this.instance.dbInstanceEndpointAddress);
    output(this, 'DatabasePort', 'Port of the database', this.instance.dbInstanceEndpointPort);
    output(this, 'DatabaseName', 'Name of the database', DATABASE_NAME);
    output(this, 'DatabaseSecretArn', 'Secret with username and password', this.secret.secretArn);

    // All functions that use the database share one group. With a group each, the migrations would wait for rules that
    // wait for the worker, and the worker waits for the migrations.
    const functions = new SecurityGroup(this, 'FunctionsSecurityGroup', {
      vpc,
      description: 'Functions that use the database',
      allowAllOutbound: false,
    });
    functions.addEgressRule(Peer.anyIpv4(), Port.HTTPS, 'CoinGecko and AWS');
    functions.addEgressRule(securityGroup, Port.tcp(DATABASE_PORT), 'The database');
    const open = (peer: IPeer, to: string) => securityGroup.addIngressRule(peer, Port.tcp(DATABASE_PORT), to);
    open(functions, 'Functions of this stack');
    for (const client of config.databaseClientSecurityGroups)
      open(Peer.securityGroupId(client), 'A client of the user');
    for (const range of config.databaseClientCidrs) open(Peer.ipv4(range), 'Clients of the user');
    const [subnet] = vpc.privateSubnets;
    if (subnet) output(this, 'ClientSubnetId', 'A subnet for a CloudShell that reaches the database', subnet.subnetId);
    output(this, 'ClientSecurityGroupId', 'A security group that the database lets in', functions.securityGroupId);
    this.placement = {
      vpc,
      vpcSubnets: { subnetType: SubnetType.PRIVATE_WITH_EGRESS },
      securityGroups: [functions],
    };
  }

  override alarms() {
    const { config, instance } = this;
    return [
      critical('database-storage', instance.metricFreeStorageSpace(LEAST), {
        meaning:
          'Less than a twentieth of the original storage is free: it did not grow in time, and the database stops when it is full.',
        rings: ['below', config.databaseStorageGib * GIB * STORAGE_LEFT],
        periods: 3,
      }),
      warning('database-cpu-credits', instance.metric('CPUCreditBalance', MOST).with(HOURLY), {
        meaning:
          'The database has used up its CPU credits: it keeps running, and every further hour of load is billed.',
        rings: ['below', CPU_CREDITS_LEFT],
        // A new instance starts with none, and earns enough in two hours.
        periods: 4,
      }),
      warning('database-connections', instance.metricDatabaseConnections(MOST), {
        meaning: "More than half of the database's connections are in use: some client does not give them back.",
        rings: ['from', connectionsTooMany(config)],
        periods: 3,
      }),
    ];
  }

  override graphs() {
    const { instance } = this;
    return [
      graph('Database', 'Latency', instance.metric('ReadLatency', MOST), instance.metric('WriteLatency', MOST)),
      graph('Database', 'CPU', instance.metricCPUUtilization(MOST)),
      graph('Database', 'CPU credits', instance.metric('CPUCreditBalance', LEAST)),
      graph('Database', 'Connections', instance.metricDatabaseConnections(MOST)),
      graph('Database', 'Free storage', instance.metricFreeStorageSpace(LEAST)),
    ];
  }
}
