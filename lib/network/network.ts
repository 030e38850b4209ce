import { readFileSync } from 'node:fs';
import { Annotations } from 'aws-cdk-lib';
import { Metric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type { Construct } from 'constructs';
import { acknowledge, createLog, functionLog, output } from '../house-rules.ts';
import { critical, MOST, Watched } from '../monitoring/watched.ts';
import type { StackConfig } from '../stage-config.ts';

/** CDK's own would install a package once, without a second try and with too little memory, and route nothing where that fails. */
const NAT_INSTANCE_SCRIPT = readFileSync(new URL('nat-instance.sh', import.meta.url), 'utf8');

/** The VPC: public subnets for the way out, private ones for functions, isolated ones for the database. */
export class Network extends Watched {
  readonly vpc: ec2.Vpc;
  /** Undefined where the way out is a gateway. */
  private readonly natInstance: ec2.Instance | undefined;

  constructor(scope: Construct, id: string, config: StackConfig) {
    super(scope, id, config, [functionLog(config, 'worker')]);
    const provider =
      config.network === 'nat-instance'
        ? ec2.NatProvider.instanceV2({
            instanceType: new ec2.InstanceType(config.natInstance),
            defaultAllowedTraffic: ec2.NatTrafficDirection.OUTBOUND_ONLY,
            userData: ec2.UserData.custom(NAT_INSTANCE_SCRIPT),
          })
        : undefined;
    this.vpc = new ec2.Vpc(this, 'Vpc', {
      ipAddresses: ec2.IpAddresses.cidr(config.vpcCidr),
      // The database's subnet group needs two. One way out serves both: losing its zone delays a run and loses no price.
      maxAzs: 2,
      natGateways: 1,
      ...(provider ? { natGatewayProvider: provider } : {}),
      subnetConfiguration: [
        { name: 'Public', subnetType: ec2.SubnetType.PUBLIC, cidrMask: 28 },
        { name: 'Private', subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS, cidrMask: 27 },
        { name: 'Isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED, cidrMask: 28 },
      ],
      flowLogs: {
        Rejected: {
          trafficType: ec2.FlowLogTrafficType.REJECT,
          destination: ec2.FlowLogDestination.toCloudWatchLogs(createLog(this, 'FlowLog', config)),
        },
      },
    });
    if (config.availabilityZones) acknowledge(this, { 'CloudFormation-Validate::W3010': 'The settings name them.' });
    output(this, 'VpcId', "The VPC, for the security groups of the database's clients", this.vpc.vpcId);
    if (provider && config.natInstance === 't4g.nano') {
      Annotations.of(this).addInfoV2(
        'crypto-prices:free-plan-instance',
        'An account on the free plan of AWS refuses a t4g.nano: there, set natInstance to t4g.micro.',
      );
    }
    this.natInstance = provider?.gatewayInstances[0];
    if (provider && this.natInstance) this.setUpInstance(provider, this.natInstance);
  }

  override alarms() {
    if (!this.natInstance) return [];
    const metric = new Metric({
      namespace: 'AWS/EC2',
      metricName: 'StatusCheckFailed',
      dimensionsMap: { InstanceId: this.natInstance.instanceId },
      ...MOST,
    });
    return [
      critical('way-out-down', metric, {
        meaning: 'The NAT instance fails its status checks, or is gone: no run reaches CoinGecko or its queue.',
        periods: 2,
        // An instance that was stopped reports nothing.
        missing: TreatMissingData.BREACHING,
      }),
    ];
  }

  private setUpInstance({ connections }: ec2.NatInstanceProviderV2, instance: ec2.Instance): void {
    // Only this VPC may send through it, and only HTTPS.
    connections.allowFrom(ec2.Peer.ipv4(this.config.vpcCidr), ec2.Port.HTTPS, 'HTTPS of the functions');
    // It installs what it lacks as soon as it boots.
    for (const subnet of this.vpc.publicSubnets) {
      instance.node.addDependency(
        subnet.internetConnectivityEstablished,
        subnet.node.findChild('RouteTableAssociation'),
      );
    }
    // The construct has no setting for volumes, and the image's own is not encrypted.
    instance.instance.blockDeviceMappings = [{ deviceName: '/dev/xvda', ebs: { volumeType: 'gp3', encrypted: true } }];
    acknowledge(instance, {
      'AwsSolutions-EC28':
        'One-minute metrics cost 2 dollars a month; when the way out fails, an alarm rings and runs fail.',
      'AwsSolutions-EC29':
        'The instance holds no data, and a deploy replaces it; protection would only keep the stack from being deleted.',
    });
  }
}
