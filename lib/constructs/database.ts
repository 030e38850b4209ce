import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { InstanceType, Peer, Port, SecurityGroup, SubnetType } from 'aws-cdk-lib/aws-ec2';
import type { FunctionOptions } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import {
  Credentials,
  DatabaseInstance,
  DatabaseInstanceEngine,
  ParameterGroup,
  PostgresEngineVersion,
  StorageType,
} from 'aws-cdk-lib/aws-rds';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import type { ENVIRONMENT } from '../../ingestion/contract/environment.ts';
import type { StackConfig } from '../config.ts';
import { resourceName } from '../names.ts';
import type { Network } from './network.ts';

export const DATABASE_NAME = 'crypto_prices';
const DATABASE_PORT = 5432;

/** A healthy run's statements take milliseconds; one that takes this long is worth a line. */
const SLOW_STATEMENT_MS = 500;

export interface DatabaseProps {
  readonly config: StackConfig;
  readonly network: Network;
}

/** RDS PostgreSQL, reachable by this stack's functions and by the clients that the settings name, over TLS only. */
export class Database extends Construct {
  readonly instance: DatabaseInstance;
  /** `{"username","password"}`, made and rotated weekly by RDS. */
  readonly secret: ISecret;
  /** Where a function that reaches the database stands. */
  readonly placement: Required<Pick<FunctionOptions, 'vpc' | 'vpcSubnets' | 'securityGroups'>>;
  readonly environment: Partial<Record<keyof typeof ENVIRONMENT, string>>;

  constructor(scope: Construct, id: string, { config, network: { vpc } }: DatabaseProps) {
    super(scope, id);
    const identifier = resourceName(config, 'database');
    const securityGroup = new SecurityGroup(this, 'SecurityGroup', {
      vpc,
      description: 'The database: answers those that it is opened to',
      allowAllOutbound: false,
    });
    const engine = DatabaseInstanceEngine.postgres({ version: PostgresEngineVersion.VER_18_3 });
    this.instance = new DatabaseInstance(this, 'Instance', {
      // With a name of its own it can't be replaced behind our back, and its log group can be made before it.
      instanceIdentifier: identifier,
      engine,
      instanceType: new InstanceType(config.database.instance),
      vpc,
      vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED },
      securityGroups: [securityGroup],
      port: DATABASE_PORT,
      databaseName: DATABASE_NAME,
      credentials: Credentials.fromUsername('ingestion'),
      manageMasterUserPassword: true,
      parameterGroup: new ParameterGroup(this, 'Parameters', {
        engine,
        description: `Parameters of ${identifier}`,
        parameters: {
          'rds.force_ssl': '1',
          log_min_duration_statement: String(SLOW_STATEMENT_MS),
          log_lock_waits: '1',
        },
      }),
      storageType: StorageType.GP3,
      allocatedStorage: config.database.storageGib,
      maxAllocatedStorage: config.database.storageGib * 2,
      storageEncrypted: true,
      publiclyAccessible: false,
      multiAz: false,
      backupRetention: Duration.days(config.database.backupDays),
      // Away from the runs, which begin at 02:00.
      preferredBackupWindow: '04:00-05:00',
      preferredMaintenanceWindow: 'sun:05:30-sun:06:30',
      autoMinorVersionUpgrade: true,
      copyTagsToSnapshot: true,
      deletionProtection: config.isProtected,
      removalPolicy: config.isProtected ? RemovalPolicy.SNAPSHOT : RemovalPolicy.DESTROY,
      deleteAutomatedBackups: !config.isProtected,
      cloudwatchLogsExports: ['postgresql'],
    });
    const log = new LogGroup(this, 'Log', {
      logGroupName: `/aws/rds/instance/${identifier}/postgresql`,
      retention: config.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    // RDS would make it first, with logs kept for ever.
    this.instance.node.addDependency(log);
    acknowledge(this.instance, config);

    if (!this.instance.secret) throw new Error('RDS manages the password, so there is a secret.');
    this.secret = this.instance.secret;
    this.environment = {
      databaseSecretId: this.secret.secretArn,
      databaseHost: this.instance.dbInstanceEndpointAddress,
      databasePort: this.instance.dbInstanceEndpointPort,
      databaseName: DATABASE_NAME,
    };

    // One group for all functions that reach the database. With a group each, the migrations would wait for rules that
    // wait for the worker, which waits for the migrations.
    const functions = new SecurityGroup(this, 'FunctionsSecurityGroup', {
      vpc,
      description: 'Functions that reach the database',
      allowAllOutbound: false,
    });
    functions.addEgressRule(Peer.anyIpv4(), Port.HTTPS, 'CoinGecko and AWS');
    functions.addEgressRule(securityGroup, Port.tcp(DATABASE_PORT), 'The database');
    securityGroup.addIngressRule(functions, Port.tcp(DATABASE_PORT), 'Functions of this stack');
    for (const client of config.database.clientSecurityGroups) {
      securityGroup.addIngressRule(Peer.securityGroupId(client), Port.tcp(DATABASE_PORT), 'A client of the user');
    }
    for (const range of config.database.clientCidrs) {
      securityGroup.addIngressRule(Peer.ipv4(range), Port.tcp(DATABASE_PORT), 'Clients of the user');
    }
    this.placement = {
      vpc,
      vpcSubnets: { subnetType: SubnetType.PRIVATE_WITH_EGRESS },
      securityGroups: [functions],
    };
  }
}

function acknowledge(instance: DatabaseInstance, config: StackConfig): void {
  Validations.of(instance).acknowledge(
    {
      id: 'AwsSolutions-RDS3',
      reason:
        'A second zone doubles the price. Prices come from CoinGecko and heal themselves: hours without a database cost nothing.',
    },
    {
      id: 'AwsSolutions-RDS11',
      reason:
        'The port is open to named security groups only; another number would hide nothing and surprise every client.',
    },
  );
  if (!config.isProtected) {
    Validations.of(instance).acknowledge({
      id: 'AwsSolutions-RDS10',
      reason: 'Only production is protected; the other stages are there to be thrown away.',
    });
  }
}
