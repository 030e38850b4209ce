import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { writeUniverse } from '../support/universe.ts';
import { FUNCTIONS } from './templates.ts';

const folder = mkdtempSync(join(tmpdir(), 'crypto-prices-synth-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Without an account, a profile, Docker or a way to AWS. */
const BARE = {
  PATH: `${process.cwd()}/node_modules/.bin:/usr/bin:/bin`,
  HOME: folder,
  AWS_EC2_METADATA_DISABLED: 'true',
  NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
};

type Outcome = { readonly code: number | null; readonly output: string };

const run = (command: string, args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { ...BARE, ...env } });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });

describe('the app', () => {
  test('makes template and bundles without an account, by npm run synth', async () => {
    const universe = {
      coins: [{ id: 'bitcoin', symbol: 'btc', name: 'Bitcoin' }],
      currencies: [{ code: 'chf', name: 'Swiss franc' }],
    };
    const settings = ['-c', 'alarmMails=none', '-c', 'alarmWebhookSecretName=hook', '-o', folder];
    const args = ['run', '--silent', 'synth', '--', ...settings];
    const { code, output } = await run('npm', args, { UNIVERSE: writeUniverse(universe) });
    expect(output).toContain('No alarm reaches anybody');
    expect(code).toBe(0);
    const template = JSON.parse(readFileSync(join(folder, 'CryptoPrices.template.json'), 'utf8'));
    expect(Object.keys(template.Resources).length).toBeGreaterThan(100);

    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    // An asset's hash is that of its files, so that another universe is deployed.
    const universes = files.filter((file) => file.endsWith('universe.json'));
    const read = universes.map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')));
    expect(read).toEqual([universe, universe, universe]);
    const bundles = files.filter((file) => file.endsWith('index.mjs'));
    expect(bundles).toHaveLength(Object.keys(FUNCTIONS).length);
    for (const bundle of bundles) {
      const text = readFileSync(join(folder, bundle), 'utf8');
      expect(text).toContain('createRequire');
      expect(text).not.toMatch(/from ?"@aws-sdk/);
      expect(readFileSync(join(folder, `${bundle}.map`), 'utf8')).not.toContain('sourcesContent":["');
    }
  }, 240_000);

  test('says where the deploy goes, where the settings do not', async () => {
    const outdir = join(folder, 'destination');
    const { code } = await run(process.execPath, ['bin/app.ts'], {
      ...{ CDK_CONTEXT_JSON: '{"stage":"dev","aws:cdk:bundling-stacks":[]}', CDK_OUTDIR: outdir },
      ...{ CDK_DEFAULT_ACCOUNT: '123456789012', CDK_DEFAULT_REGION: 'eu-west-1' },
    });
    expect(code).toBe(0);
    const told = readdirSync(outdir).filter((file) => file.endsWith('.json'));
    expect(told.map((file) => readFileSync(join(outdir, file), 'utf8')).join()).toContain(
      'goes to the account 123456789012 in eu-west-1.',
    );
  }, 60_000);

  test('answers a wrong setting with a sentence and no stack trace', async () => {
    const child = await run(process.execPath, ['bin/app.ts'], { CDK_CONTEXT_JSON: '{"stage":"production"}' });
    expect(child.output).toContain('stage is "production"; it takes dev, staging or prod.');
    expect(child.output).not.toMatch(/\n +at /);
    expect(child.code).toBe(2);
  });
});
