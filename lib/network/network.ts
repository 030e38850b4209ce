import { readFileSync } from 'node:fs';
import { Validations } from 'aws-cdk-lib';
import { Metric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import {
  FlowLogDestination,
  FlowLogTrafficType,
  type Instance,
  InstanceType,
  IpAddresses,
  type NatInstanceProviderV2,
  NatProvider,
  NatTrafficDirection,
  Peer,
  Port,
  SubnetType,
  UserData,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import type { Construct } from 'constructs';
import { createLog, functionLog } from '../monitoring/logs.ts';
import { critical, MOST, WatchedConstruct } from '../monitoring/watched.ts';
import type { StackConfig } from '../stage-config.ts';

/** An uncommon range, so that you can peer this VPC with one of your own. */
const VPC_CIDR = '10.73.0.0/24';

/** CDK's own would install a package once, without a second try and with too little memory, and route nothing where that fails. */
const NAT_INSTANCE_SCRIPT = readFileSync(new URL('nat-instance.sh', import.meta.url), 'utf8');

/** The VPC: public subnets for the way out, private ones for functions, isolated ones for the database. */
export class Network extends WatchedConstruct {
  readonly vpc: Vpc;
  /** Undefined where the way out is a gateway. */
  private readonly natInstance: Instance | undefined;

  constructor(scope: Construct, id: string, config: StackConfig) {
    super(scope, id, config, [functionLog(config, 'worker')]);
    const provider =
      config.network === 'nat-instance'
        ? NatProvider.instanceV2({
            instanceType: new InstanceType('t4g.nano'),
            defaultAllowedTraffic: NatTrafficDirection.OUTBOUND_ONLY,
            userData: UserData.custom(NAT_INSTANCE_SCRIPT),
          })
        : undefined;
    this.vpc = new Vpc(this, 'Vpc', {
      ipAddresses: IpAddresses.cidr(VPC_CIDR),
      // The database's subnet group needs two. One way out serves both: losing its zone delays a run and loses no price.
      maxAzs: 2,
      natGateways: 1,
      ...(provider ? { natGatewayProvider: provider } : {}),
      subnetConfiguration: [
        { name: 'Public', subnetType: SubnetType.PUBLIC, cidrMask: 28 },
        { name: 'Private', subnetType: SubnetType.PRIVATE_WITH_EGRESS, cidrMask: 27 },
        { name: 'Isolated', subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 28 },
      ],
      flowLogs: {
        Rejected: {
          trafficType: FlowLogTrafficType.REJECT,
          destination: FlowLogDestination.toCloudWatchLogs(createLog(this, 'FlowLog', config)),
        },
      },
    });
    this.natInstance = provider?.gatewayInstances[0];
    if (provider && this.natInstance) this.setUpInstance(provider, this.natInstance);
  }

  alarms() {
    if (!this.natInstance) return [];
    const metric = new Metric({
      namespace: 'AWS/EC2',
      metricName: 'StatusCheckFailed',
      dimensionsMap: { InstanceId: this.natInstance.instanceId },
      ...MOST,
    });
    return [
      critical(
        'way-out-down',
        'The NAT instance fails its status checks, or is gone: no run reaches CoinGecko or its queue.',
        metric,
        // An instance that was stopped reports nothing.
        { periods: 2, missing: TreatMissingData.BREACHING },
      ),
    ];
  }

  private setUpInstance({ connections }: NatInstanceProviderV2, instance: Instance): void {
    // Only this VPC may send through it, and only HTTPS.
    connections.allowFrom(Peer.ipv4(VPC_CIDR), Port.HTTPS, 'HTTPS of the functions');
    // It installs what it lacks as soon as it boots.
    for (const subnet of this.vpc.publicSubnets) {
      instance.node.addDependency(
        subnet.internetConnectivityEstablished,
        subnet.node.findChild('RouteTableAssociation'),
      );
    }
    // The construct has no setting for volumes, and the image's own is not encrypted.
    instance.instance.blockDeviceMappings = [{ deviceName: '/dev/xvda', ebs: { volumeType: 'gp3', encrypted: true } }];
    Validations.of(instance).acknowledge(
      {
        id: 'AwsSolutions-EC28',
        reason: 'One-minute metrics cost 2 dollars a month; when the way out fails, an alarm rings and runs fail.',
      },
      {
        id: 'AwsSolutions-EC29',
        reason:
          'The instance holds no data, and a deploy replaces it; protection would only keep the stack from being deleted.',
      },
    );
  }
}
