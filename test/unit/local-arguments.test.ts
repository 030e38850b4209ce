import { describe, expect, test } from '@jest/globals';
import { createProgram } from '../../local/cli/all-commands.ts';
import { callCommand } from '../support/local-command.ts';

/** What the function of the command is given after its context. */
async function given(...argv: string[]): Promise<readonly unknown[]> {
  const calls: (readonly unknown[])[] = [];
  await createProgram(async (_command, ...args) => void calls.push(args)).parseAsync(argv, { from: 'user' });
  return calls[0] ?? [];
}

describe('what arrives at a command', () => {
  const days = ['--from', '2026-01-01', '--to', '2026-01-31'];
  const DAYS = { from: '2026-01-01', to: '2026-01-31' };
  test.each([
    [['status'], [{}]],
    [['backfill', ...days], [DAYS]],
    [
      ['backfill', ...days, '--coin', 'bitcoin', '--coin=ethereum', '--refetch', '--dry-run', '--json'],
      [{ ...DAYS, coin: ['bitcoin', 'ethereum'], refetch: true, dryRun: true, json: true }],
    ],
    [
      ['sql', 'select -1 as "--json"'],
      ['select -1 as "--json"', {}],
    ],
    [['sql'], [undefined, {}]],
    [
      ['import', 'prices.csv', '--coin', 'bitcoin', '--currency', 'usd'],
      ['prices.csv', { coin: 'bitcoin', currency: 'usd' }],
    ],
    [
      ['universe', 'add', '--json', 'pepe', 'jpy'],
      ['add', ['pepe', 'jpy']],
    ],
  ])('of %j: %j', async (argv, expected) => {
    expect(await given(...argv)).toEqual(expected);
  });
});

describe('help', () => {
  test('names every command', async () => {
    const { code, stdout, stderr } = await callCommand(['--help'], {});
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('Usage: npm run <command> [-- options]');
    expect(stdout).toMatch(/backfill +Fetch what is missing between two days\./);
  });

  test('of a command names every option and what it takes', async () => {
    const { code, stdout, stderr } = await callCommand(['backfill', '--help'], {});
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('Usage: npm run backfill -- [options]');
    expect(stdout).toMatch(/--from <YYYY-MM-DD> +The first UTC day\./);
    expect(stdout).toMatch(/--dry-run +Show the requests/);
    const { stdout: ofImport } = await callCommand(['import', '--help'], {});
    expect(ofImport).toContain('Usage: npm run import -- [options] <file>\n');
  });
});

const NAMES =
  'fetch-data, backfill, status, report, sql, export, import, explain, recompute, migrate, universe, redrive, demo, start';
const help = (command: string) => `npm run ${command} -- --help shows what it takes.`;
const missing = (option: string) => `Option '${option}' argument missing. ${help('backfill')}`;

test.each([
  [[], `No command was given. It takes ${NAMES}.`],
  [['stauts'], "Unknown command 'stauts'. Did you mean status?"],
  [['frobnicate'], `Unknown command 'frobnicate'. It takes ${NAMES}.`],
  [['constructor'], `Unknown command 'constructor'. It takes ${NAMES}.`],
  [
    ['sql', 'select', '1'],
    `Too many arguments for 'sql'. Expected 1 argument but got 2: select, 1. Options come after " -- ": ${help('sql')}`,
  ],
  [
    ['status', 'now'],
    `Too many arguments for 'status'. Expected 0 arguments but got 1: now. Options come after " -- ": ${help('status')}`,
  ],
  [['backfill', '--form', 'x'], "Unknown option '--form'. Did you mean --from?"],
  [['backfill', '-x'], `Unknown option '-x'. ${help('backfill')}`],
  [['status', '--toString'], `Unknown option '--toString'. ${help('status')}`],
  [['backfill', '--from'], missing('--from <YYYY-MM-DD>')],
  [['backfill', '--from='], missing('--from <YYYY-MM-DD>')],
  [['backfill', '--coin', '--refetch'], missing('--coin <ID>')],
  [['backfill', '--from', 'a', '--from', 'b'], '--from was given twice.'],
  [['backfill', '--refetch', '--refetch'], '--refetch was given twice.'],
  [['backfill', '--refetch=yes'], '--refetch takes no value.'],
  [['import', '--coin', 'a', '--currency', 'b'], `Missing required argument 'file'. ${help('import')}`],
  [
    ['export', '--format', 'xml'],
    `Option '--format <csv|json>' argument 'xml' is invalid. Allowed choices are csv, json. ${help('export')}`,
  ],
  [
    ['universe', 'ad', 'jpy'],
    `Command-argument value 'ad' is invalid for argument 'action'. Allowed choices are add, remove, list, check. ${help('universe')}`,
  ],
])('%j is refused with what would be right', async (argv, message) => {
  expect(await callCommand(argv, {})).toEqual({ code: 2, stdout: '', stderr: `${message}\n` });
});

test('with --json a refusal is a JSON document', async () => {
  const { code, stdout, stderr } = await callCommand(['sql', '--csv', '--json'], {});
  expect({ code, stderr }).toEqual({ code: 2, stderr: '' });
  const message = `Option '--csv' cannot be used with option '--json'. ${help('sql')}`;
  expect(JSON.parse(stdout)).toEqual({ error: { name: 'UsageError', message } });
});

describe('a forgotten " -- "', () => {
  test.each([
    [
      // npm run backfill --from 2026-01-01
      ['backfill', '2026-01-01'],
      { npm_lifecycle_event: 'backfill', npm_config_from: 'true' },
      'npm consumed --from, and passed on only "2026-01-01". Put " -- " before the options: ' +
        'npm run backfill -- --from YYYY-MM-DD',
    ],
    [
      // npm run backfill --dry-run --json
      ['backfill'],
      { npm_lifecycle_event: 'backfill', npm_config_dry_run: 'true', npm_config_json: 'true' },
      'npm consumed --dry-run and --json. Put " -- " before the options: npm run backfill -- --dry-run --json',
    ],
    [
      // npm run backfill --from=2026-01-01
      ['backfill'],
      { npm_lifecycle_event: 'backfill', npm_config_from: '2026-01-01' },
      'npm consumed --from. Put " -- " before the options: npm run backfill -- --from 2026-01-01',
    ],
    [
      // npm run import prices.csv --replace
      ['import', 'prices.csv'],
      { npm_lifecycle_event: 'import', npm_config_replace: 'true' },
      'npm consumed --replace, and passed on only "prices.csv". Put " -- " before the options: ' +
        'npm run import -- prices.csv --replace',
    ],
  ])('%j with %j is recognised', async (argv, environment, message) => {
    expect(await callCommand(argv, environment)).toEqual({ code: 2, stdout: '', stderr: `${message}\n` });
  });

  test.each([
    ['options that arrived', ['status', '--json'], { npm_lifecycle_event: 'status', npm_config_json: 'true' }],
    ['options of another script', ['status'], { npm_lifecycle_event: 'test', npm_config_json: 'true' }],
    ['what npm leaves empty', ['status'], { npm_lifecycle_event: 'status', npm_config_json: '' }],
  ])('is not seen in %s', async (_, argv, environment) => {
    const { stdout, stderr } = await callCommand(argv, { ...environment, LOG_LEVEL: 'loud' });
    expect(stdout + stderr).toMatch(/LOG_LEVEL is/);
  });
});
