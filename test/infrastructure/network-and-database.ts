import { describe, expect, test } from '@jest/globals';
import { nameOf, resource, resourcesOf, templateOf } from './synthesise.ts';

const prod = templateOf({});
const dev = templateOf({ stage: 'dev' });

type Rule = { IpProtocol: string; FromPort: number; ToPort: number; CidrIp?: string };

describe('the way out', () => {
  test('is a NAT gateway in prod, one for both zones', () => {
    prod.resourceCountIs('AWS::EC2::NatGateway', 1);
    prod.resourceCountIs('AWS::EC2::Instance', 0);
  });

  test.each(['dev', 'staging'])('is a NAT instance in %s', (stage) => {
    const template = templateOf({ stage });
    template.resourceCountIs('AWS::EC2::NatGateway', 0);
    expect(resource(template, 'AWS::EC2::Instance').Properties).toMatchObject({
      InstanceType: 't4g.nano',
      SourceDestCheck: false,
      BlockDeviceMappings: [{ Ebs: { Encrypted: true } }],
    });
  });

  test.each([
    ['nat-gateway', 'AWS::EC2::NatGateway'],
    ['nat-instance', 'AWS::EC2::Instance'],
  ])('as %s, every private subnet leads to it', (network, type) => {
    const template = templateOf({ network });
    const wayOut = resource(template, type);
    const routes = Object.entries(resourcesOf(template, 'AWS::EC2::Route')).filter(([id]) =>
      id.includes('PrivateSubnet'),
    );
    expect(routes).toHaveLength(2);
    for (const [, { Properties }] of routes) {
      expect(Properties.DestinationCidrBlock).toBe('0.0.0.0/0');
      expect(Properties.NatGatewayId ?? Properties.InstanceId).toEqual({ Ref: wayOut.id });
    }
  });

  test('the NAT instance answers HTTPS of the VPC, and nobody outside', () => {
    const { Properties } = resource(dev, 'AWS::EC2::SecurityGroup', 'NetworkVpcNat');
    expect(
      Properties.SecurityGroupIngress.map(({ CidrIp, FromPort, ToPort }: Rule) => [CidrIp, FromPort, ToPort]),
    ).toEqual([['10.73.0.0/24', 443, 443]]);
  });

  test('isolated subnets lead nowhere', () => {
    const routes = Object.keys(resourcesOf(prod, 'AWS::EC2::Route'));
    expect(routes.filter((id) => id.includes('Isolated'))).toEqual([]);
  });

  test("the VPC's default security group, which nothing is in, lets nobody in or out", () => {
    prod.resourceCountIs('Custom::VpcRestrictDefaultSG', 1);
  });

  test('rejected traffic is logged', () => {
    prod.hasResourceProperties('AWS::EC2::FlowLog', { TrafficType: 'REJECT' });
  });
});

describe('the database', () => {
  const { Properties } = resource(prod, 'AWS::RDS::DBInstance');

  test('is PostgreSQL 18 on a t4g.micro with encrypted gp3 storage that may double', () => {
    expect(Properties).toMatchObject({
      Engine: 'postgres',
      EngineVersion: '18',
      DBInstanceClass: 'db.t4g.micro',
      StorageType: 'gp3',
      AllocatedStorage: '20',
      MaxAllocatedStorage: 40,
      StorageEncrypted: true,
    });
  });

  test('stands in isolated subnets and has no public address', () => {
    expect(Properties.PubliclyAccessible).toBe(false);
    const { SubnetIds } = resource(prod, 'AWS::RDS::DBSubnetGroup').Properties;
    expect(SubnetIds.map(nameOf)).toEqual(['NetworkVpcIsolatedSubnet1Subnet', 'NetworkVpcIsolatedSubnet2Subnet']);
  });

  test('takes TLS only, and logs slow statements into a group that expires', () => {
    const parameters = resource(prod, 'AWS::RDS::DBParameterGroup').Properties;
    expect(parameters).toMatchObject({
      Family: 'postgres18',
      Parameters: { 'rds.force_ssl': '1', log_min_duration_statement: '500' },
    });
    expect(Properties.EnableCloudwatchLogsExports).toEqual(['postgresql']);
    const log = resource(prod, 'AWS::Logs::LogGroup', 'DatabaseLog');
    expect(log.Properties.LogGroupName).toBe(`/aws/rds/instance/${Properties.DBInstanceIdentifier}/postgresql`);
    expect(resource(prod, 'AWS::RDS::DBInstance').DependsOn).toContain(log.id);
  });

  test('its password is made and rotated by RDS, and stands nowhere in the template', () => {
    expect(Properties.ManageMasterUserPassword).toBe(true);
    expect(Properties.MasterUserPassword).toBeUndefined();
  });

  test('in prod it is kept: 14 days of backups, a last snapshot', () => {
    expect(Properties).toMatchObject({
      BackupRetentionPeriod: 14,
      DeleteAutomatedBackups: false,
    });
    expect(resource(prod, 'AWS::RDS::DBInstance').DeletionPolicy).toBe('Snapshot');
  });

  test('in dev it goes with the stack', () => {
    const instance = resource(dev, 'AWS::RDS::DBInstance');
    expect(instance.Properties.BackupRetentionPeriod).toBe(1);
    expect(instance.DeletionPolicy).toBe('Delete');
  });

  test('has the size of the settings', () => {
    const template = templateOf({
      databaseInstance: 't4g.medium',
      databaseStorageGib: '100',
      databaseBackupDays: '30',
    });
    expect(resource(template, 'AWS::RDS::DBInstance').Properties).toMatchObject({
      DBInstanceClass: 'db.t4g.medium',
      AllocatedStorage: '100',
      MaxAllocatedStorage: 200,
      BackupRetentionPeriod: 30,
    });
  });
});
