import { spawnSync } from 'node:child_process';
import { Annotations, App } from 'aws-cdk-lib';
import { CryptoPricesStack } from '../lib/crypto-prices-stack.ts';
import { ConfigError, readConfig, stackName, stageFile } from '../lib/stage-config.ts';

const app = new App();
// Without git, or in a copy that is no repository, settings and functions alone tell one deploy from another.
const commit = spawnSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' });
try {
  const config = readConfig(app.node.getAllContext(), process.env);
  const stack = new CryptoPricesStack(app, stackName(config), config, commit.stdout?.trim() || 'none');
  const { CDK_DEFAULT_ACCOUNT: account, CDK_DEFAULT_REGION: region } = process.env;
  if (account && !(config.account && config.region)) {
    const goes = `A deploy from this shell goes to the account ${config.account ?? account} in ${config.region ?? region}.`;
    const remedy = `To have every other refused, put "account" and "region" into ${stageFile(config.stage)}.`;
    Annotations.of(stack).addInfoV2('crypto-prices:destination', `${goes} ${remedy}`);
  }
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  console.error(error.message);
  process.exit(2);
}
