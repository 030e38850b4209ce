import { parseArgs } from 'node:util';
import * as z from 'zod';
import { startSimulator } from './server.ts';

const USAGE = `Usage: npm run simulator -- [--port N] [--plan public|demo|paid|none] [--key KEY]… [--now ISO]
  [--latency-ms N] [--requests-per-minute N]

A stand-in for CoinGecko's API: prints its base URL as one line and serves until SIGINT or SIGTERM.`;

const wholeNumber = (minimum: number, maximum: number) => {
  const error = `a whole number from ${minimum} to ${maximum}`;
  return z.string().regex(/^\d+$/, error).transform(Number).pipe(z.number().min(minimum, error).max(maximum, error));
};

const settingsSchema = z.object({
  port: wholeNumber(0, 65_535).optional(),
  plan: z.enum(['public', 'demo', 'paid', 'none'], 'public, demo, paid or none').default('none'),
  key: z.array(z.string()).optional(),
  now: z.iso
    .datetime({ error: 'a moment such as 2026-01-31T02:00:00Z', offset: true })
    .transform(Date.parse)
    .optional(),
  'latency-ms': wholeNumber(0, 600_000).optional(),
  'requests-per-minute': wholeNumber(1, 1_000_000).optional(),
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
      'latency-ms': { type: 'string' },
      'requests-per-minute': { type: 'string' },
    },
  });
  const parsed = settingsSchema.safeParse(values);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const name = String(issue?.path[0]);
  const found = Object.entries(values).find(([option]) => option === name)?.[1];
  throw new Error(`--${name}: found ${JSON.stringify(found)}, expected ${issue?.message}.`);
}

/** @returns a clock that starts at that moment. */
function clockFrom(moment: number): () => number {
  const startedAt = Date.now();
  return () => moment + Date.now() - startedAt;
}

async function serve(args: readonly string[]): Promise<void> {
  const settings = readSettings(args);
  const simulator = await startSimulator({
    port: settings.port,
    plan: settings.plan === 'none' ? null : settings.plan,
    keys: settings.key,
    now: settings.now === undefined ? undefined : clockFrom(settings.now),
    latencyMs: settings['latency-ms'],
    requestsPerMinute: settings['requests-per-minute'],
  });
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
