import { parseArgs } from 'node:util';
import * as z from 'zod';
import { startSimulator } from './server.ts';

const USAGE = `Usage: npm run simulator -- [--port N] [--plan public|demo|paid|none] [--key KEY]… [--now ISO]

A stand-in for CoinGecko's API: prints its base URL as one line and serves until SIGINT or SIGTERM.`;

const PORT = 'a whole number from 0 to 65535';
const settingsSchema = z.object({
  port: z.string().regex(/^\d+$/, PORT).transform(Number).pipe(z.number().max(65_535, PORT)).optional(),
  plan: z.enum(['public', 'demo', 'paid', 'none'], 'public, demo, paid or none').default('none'),
  key: z.array(z.string()).optional(),
  now: z.iso
    .datetime({ error: 'a moment such as 2026-01-31T02:00:00Z', offset: true })
    .transform(Date.parse)
    .optional(),
});

/** @throws Error whose message, one sentence, names the first option that is wrong. */
function readSettings(args: readonly string[]): z.infer<typeof settingsSchema> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string' },
      plan: { type: 'string' },
      key: { type: 'string', multiple: true },
      now: { type: 'string' },
    },
  });
  const parsed = settingsSchema.safeParse(values);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const name = String(issue?.path[0]);
  const found = Object.entries(values).find(([option]) => option === name)?.[1];
  throw new Error(`--${name}: found ${JSON.stringify(found)}, expected ${issue?.message}.`);
}

async function serve(args: readonly string[]): Promise<void> {
  const { port, plan, key: keys, now } = readSettings(args);
  const aheadMs = now === undefined ? 0 : now - Date.now();
  const clock = () => Date.now() + aheadMs;
  const simulator = await startSimulator({ port, plan: plan === 'none' ? null : plan, keys, now: clock });
  console.log(simulator.baseUrl);
  const close = () => void simulator.close();
  process.once('SIGINT', close);
  process.once('SIGTERM', close);
}

const args = process.argv.slice(2);
if (args.includes('--help')) console.log(USAGE);
else
  await serve(args).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 2;
  });
