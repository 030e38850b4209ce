import { RemovalPolicy, Validations } from 'aws-cdk-lib';
import { CfnSecret, type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import type { StackConfig } from '../stage-config.ts';

/** CoinGecko's API key. It is created empty, which means the public plan. A person fills it in, and no deploy touches it. */
export class CoingeckoKey extends Construct {
  readonly secret: ISecret;

  constructor(scope: Construct, id: string, config: StackConfig) {
    super(scope, id);
    // The construct `Secret` always generates a value, and the worker would send it as a key.
    const resource = new CfnSecret(this, 'Resource', {
      description: `API key of CoinGecko (${config.deployment}); empty for the public plan`,
    });
    resource.applyRemovalPolicy(config.isProtected ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY);
    Validations.of(resource).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason: 'CoinGecko has no API that issues keys: a person does it on its website.',
    });
    this.secret = Secret.fromSecretCompleteArn(this, 'Secret', resource.ref);
  }
}
