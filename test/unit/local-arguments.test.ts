import { describe, expect, test } from '@jest/globals';
import { parseArguments } from '../../local/cli/arguments.ts';
import { type CommandContext, defineCommand, EXIT, JSON_OPTION } from '../../local/cli/command.ts';
import { UsageError } from '../../local/cli/usage-error.ts';

const outcome = async () => ({ exitCode: EXIT.complete, document: null, text: '' });
const COMMANDS = {
  backfill: defineCommand({
    summary: 'Fetch some days.',
    options: {
      from: { type: 'string', value: 'YYYY-MM-DD', description: 'The first day.' },
      coin: { type: 'string', value: 'ID', multiple: true, description: 'Only this coin.' },
      refetch: { type: 'boolean', description: 'Again.' },
      'dry-run': { type: 'boolean', description: 'Send nothing.' },
      ...JSON_OPTION,
    },
    run: outcome,
  }),
  status: defineCommand({ summary: 'Show what is stored.', options: {}, run: outcome }),
  import: defineCommand({
    summary: 'Store prices of a file.',
    positionals: ['<file>', '[notes...]'],
    options: JSON_OPTION,
    run: async (_context, { json }, [file, notes]) => ({
      exitCode: EXIT.complete,
      document: null,
      text: `${file.toUpperCase()} ${notes.join('+')} ${json}`,
    }),
  }),
  sql: defineCommand({ summary: 'Read.', positionals: ['[statement]'], options: JSON_OPTION, run: outcome }),
};

const MISSING = "Option '--from <YYYY-MM-DD>' argument missing. npm run backfill -- --help shows what it takes.";
const parse = (...argv: string[]) => parseArguments(COMMANDS, argv, {});

test('a command with its options gives their values, a repeated one as a list', () => {
  const argv = ['--from', '2026-01-01', '--coin', 'bitcoin', '--coin=ethereum', '--refetch', '--dry-run', '--json'];
  expect(parse('backfill', ...argv)).toEqual({
    kind: 'run',
    command: COMMANDS.backfill,
    options: { from: '2026-01-01', coin: ['bitcoin', 'ethereum'], refetch: true, 'dry-run': true, json: true },
    positionals: [],
  });
});

test.each([
  [['import', 'prices.csv', '--json'], ['prices.csv', []], { json: true }],
  [['import', '--json', 'prices.csv'], ['prices.csv', []], { json: true }],
  [['sql', 'select -1 as "--json"'], ['select -1 as "--json"'], {}],
  [['sql'], [undefined], {}],
])('what stands beside the options arrives as it is: %j', (argv, positionals, options) => {
  expect(parse(...argv)).toEqual({ kind: 'run', command: expect.anything(), options, positionals });
});

test('options that are not given are absent', () => {
  expect(parse('backfill')).toMatchObject({ options: {} });
});

test('positionals are given in their order, before and after options', async () => {
  const parsed = parse('import', 'prices.csv', '--json', 'by hand', 'twice');
  if (parsed.kind !== 'run') throw new Error('Expected a command.');
  const ended = await parsed.command.run({} as CommandContext, parsed.options, parsed.positionals);
  expect(ended).toMatchObject({ text: 'PRICES.CSV by hand+twice true' });
  expect(parse('import', '--json', 'prices.csv')).toMatchObject({ positionals: ['prices.csv', []] });
});

describe('help', () => {
  test('names every command', () => {
    const { text } = parse('--help') as { text: string };
    expect(text).toContain('Usage: npm run <command> [-- options]');
    expect(text).toMatch(/backfill +Fetch some days\./);
  });

  test('of a command names every option and what it takes', () => {
    const { text } = parse('backfill', '--help') as { text: string };
    expect(text).toContain('Usage: npm run backfill -- [options]');
    expect(text).toMatch(/--from <YYYY-MM-DD> +The first day\./);
    expect(text).toMatch(/--dry-run +Send nothing\./);
    expect(parse('import', '--help')).toMatchObject({
      text: expect.stringContaining('Usage: npm run import -- [options] <file> [notes...]'),
    });
  });
});

test.each([
  [[], 'No command was given. It takes backfill, status, import, sql.'],
  [['stauts'], "Unknown command 'stauts'. Did you mean status?"],
  [['frobnicate'], "Unknown command 'frobnicate'. It takes backfill, status, import, sql."],
  [['constructor'], "Unknown command 'constructor'. It takes backfill, status, import, sql."],
  [
    ['sql', 'select', '1'],
    'Too many arguments for \'sql\'. Expected 1 argument but got 2: select, 1. Options come after " -- ": npm run sql -- --help shows what it takes.',
  ],
  [['backfill', '--form', 'x'], "Unknown option '--form'. Did you mean --from?"],
  [['backfill', '-x'], "Unknown option '-x'. npm run backfill -- --help shows what it takes."],
  [['status', '--toString'], "Unknown option '--toString'. npm run status -- --help shows what it takes."],
  [['backfill', '--from'], MISSING],
  [['backfill', '--from='], MISSING],
  [['backfill', '--from', '--refetch'], MISSING],
  [['backfill', '--from', 'a', '--from', 'b'], '--from was given twice.'],
  [['backfill', '--refetch', '--refetch'], '--refetch was given twice.'],
  [['backfill', '--refetch=yes'], '--refetch takes no value.'],
  [
    ['status', 'now'],
    'Too many arguments for \'status\'. Expected 0 arguments but got 1: now. Options come after " -- ": npm run status -- --help shows what it takes.',
  ],
  [['import'], "Missing required argument 'file'. npm run import -- --help shows what it takes."],
])('%j is refused with what would be right', (argv, message) => {
  expect(() => parse(...argv)).toThrow(new UsageError(message));
});

describe('a forgotten " -- "', () => {
  test.each([
    [
      // npm run backfill --from 2026-01-01
      ['backfill', '2026-01-01'],
      { npm_lifecycle_event: 'backfill', npm_config_from: 'true' },
      'npm took --from for its own, and passed on only "2026-01-01". Put " -- " before the options: ' +
        'npm run backfill -- --from YYYY-MM-DD',
    ],
    [
      // npm run backfill --dry-run --json
      ['backfill'],
      { npm_lifecycle_event: 'backfill', npm_config_dry_run: 'true', npm_config_json: 'true' },
      'npm took --dry-run and --json for its own. Put " -- " before the options: npm run backfill -- --dry-run --json',
    ],
    [
      // npm run backfill --from=2026-01-01
      ['backfill'],
      { npm_lifecycle_event: 'backfill', npm_config_from: '2026-01-01' },
      'npm took --from for its own. Put " -- " before the options: npm run backfill -- --from 2026-01-01',
    ],
    [
      // npm run import prices.csv --json
      ['import', 'prices.csv'],
      { npm_lifecycle_event: 'import', npm_config_json: 'true' },
      'npm took --json for its own, and passed on only "prices.csv". Put " -- " before the options: ' +
        'npm run import -- prices.csv --json',
    ],
  ])('%j with %j is recognised', (argv, environment, message) => {
    expect(() => parseArguments(COMMANDS, argv, environment)).toThrow(new UsageError(message));
  });

  test.each([
    ['options that arrived', ['backfill', '--json'], { npm_lifecycle_event: 'backfill', npm_config_json: 'true' }],
    ['options of another script', ['backfill'], { npm_lifecycle_event: 'test', npm_config_json: 'true' }],
    ['what npm leaves empty', ['backfill'], { npm_lifecycle_event: 'backfill', npm_config_json: '' }],
  ])('is not seen in %s', (_, argv, environment) => {
    expect(parseArguments(COMMANDS, argv, environment)).toMatchObject({ kind: 'run' });
  });
});
