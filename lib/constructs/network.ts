import { RemovalPolicy, Validations } from 'aws-cdk-lib';
import {
  FlowLogDestination,
  FlowLogTrafficType,
  InstanceType,
  IpAddresses,
  type NatInstanceProviderV2,
  NatProvider,
  NatTrafficDirection,
  Peer,
  Port,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { StackConfig } from '../config.ts';

/** An uncommon range, so that you can peer this VPC with one of your own. */
const VPC_CIDR = '10.73.0.0/24';

/** The VPC: public subnets for the way out, private ones for functions, isolated ones for the database. */
export class Network extends Construct {
  readonly vpc: Vpc;

  constructor(scope: Construct, id: string, config: StackConfig) {
    super(scope, id);
    const instance =
      config.network === 'nat-instance'
        ? NatProvider.instanceV2({
            instanceType: new InstanceType('t4g.nano'),
            defaultAllowedTraffic: NatTrafficDirection.OUTBOUND_ONLY,
          })
        : undefined;
    this.vpc = new Vpc(this, 'Vpc', {
      ipAddresses: IpAddresses.cidr(VPC_CIDR),
      // The database's subnet group needs two. One way out serves both: losing its zone delays a run and loses no price.
      maxAzs: 2,
      natGateways: 1,
      ...(instance ? { natGatewayProvider: instance } : {}),
      subnetConfiguration: [
        { name: 'Public', subnetType: SubnetType.PUBLIC, cidrMask: 28 },
        { name: 'Private', subnetType: SubnetType.PRIVATE_WITH_EGRESS, cidrMask: 27 },
        { name: 'Isolated', subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 28 },
      ],
      flowLogs: {
        Rejected: {
          trafficType: FlowLogTrafficType.REJECT,
          destination: FlowLogDestination.toCloudWatchLogs(
            new LogGroup(this, 'FlowLog', { retention: config.logRetentionDays, removalPolicy: RemovalPolicy.DESTROY }),
          ),
        },
      },
    });
    if (instance) this.closeInstance(instance);
  }

  /** Only this VPC may send through it, and only HTTPS. */
  private closeInstance(instance: NatInstanceProviderV2): void {
    instance.connections.allowFrom(Peer.ipv4(VPC_CIDR), Port.HTTPS, 'HTTPS of the functions');
    for (const node of instance.gatewayInstances) {
      // The construct has no setting for volumes, and the image's own is not encrypted.
      node.instance.blockDeviceMappings = [{ deviceName: '/dev/xvda', ebs: { volumeType: 'gp3', encrypted: true } }];
      Validations.of(node).acknowledge(
        {
          id: 'AwsSolutions-EC28',
          reason: 'One-minute metrics cost 2 dollars a month; when the way out fails, runs fail and an alarm rings.',
        },
        {
          id: 'AwsSolutions-EC29',
          reason:
            'The instance holds no data, and a deploy replaces it; protection would only keep the stack from being deleted.',
        },
      );
    }
  }
}
