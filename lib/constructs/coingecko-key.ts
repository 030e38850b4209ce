import { RemovalPolicy, Validations } from 'aws-cdk-lib';
import { CfnSecret, type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import type { StackConfig } from '../config.ts';

/** CoinGecko's API key. Created without a value, which means the public plan; a person fills it, and no deploy touches it. */
export class CoingeckoKey extends Construct {
  readonly secret: ISecret;

  constructor(scope: Construct, id: string, config: StackConfig) {
    super(scope, id);
    // The construct `Secret` always gives a value; a key that is none would be sent.
    const resource = new CfnSecret(this, 'Resource', {
      description: 'API key of CoinGecko; empty: the public plan',
    });
    resource.applyRemovalPolicy(config.isProtected ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY);
    Validations.of(resource).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason: 'CoinGecko has no interface that makes a new key: a person does it on its site.',
    });
    this.secret = Secret.fromSecretCompleteArn(this, 'Secret', resource.ref);
  }
}
