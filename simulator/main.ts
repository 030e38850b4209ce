import { Command, InvalidArgumentError, Option } from '@commander-js/extra-typings';
import * as z from 'zod';
import { wholeNumber } from '../ingestion/contract/settings.ts';
import { startSimulator } from './server.ts';

const Moment = z.iso.datetime({ offset: true }).transform(Date.parse).describe('a moment such as 2026-01-31T02:00:00Z');

const takes =
  <Value>(schema: z.ZodType<Value>) =>
  (text: string): Value => {
    const { success, data } = schema.safeParse(text);
    if (success) return data;
    throw new InvalidArgumentError(`It takes ${schema.description}.`);
  };

await new Command('npm run simulator --')
  .description("A stand-in for CoinGecko's API: prints its base URL as one line and serves until SIGINT or SIGTERM.")
  .option('--port <number>', 'any free one unless given', takes(wholeNumber(0, 65_535)))
  .addOption(new Option('--plan <name>').choices(['public', 'demo', 'paid', 'none']).default('none'))
  .option('--key <key...>', 'a valid one; any that begins with CG- unless given')
  .option('--now <ISO>', 'the moment that it serves as of', takes(Moment))
  .exitOverride(({ exitCode }) => process.exit(exitCode && 2))
  .action(async ({ port, plan, key: keys, now }, command) => {
    const aheadMs = now === undefined ? 0 : now - Date.now();
    const options = { port, plan: plan === 'none' ? null : plan, keys, now: () => Date.now() + aheadMs };
    const simulator = await startSimulator(options).catch(({ message }: Error) => command.error(message));
    console.log(simulator.baseUrl);
    const close = () => void simulator.close();
    process.once('SIGINT', close).once('SIGTERM', close);
  })
  .parseAsync();
