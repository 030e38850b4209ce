import { App } from 'aws-cdk-lib';
import { CryptoPricesStack } from '../lib/crypto-prices-stack.ts';
import { ConfigError, readConfig, stackName } from '../lib/stage-config.ts';

const app = new App();
try {
  const config = readConfig(app.node.getAllContext(), process.env);
  new CryptoPricesStack(app, stackName(config), config, new Date().toISOString());
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  console.error(error.message);
  process.exit(2);
}
