import { describe, expect, test } from '@jest/globals';
import { parseArguments, UsageError } from '../../local/cli/arguments.ts';
import { defineCommand, EXIT, JSON_OPTION } from '../../local/cli/command.ts';

const outcome = async () => ({ exitCode: EXIT.complete, document: null, text: '' });
const COMMANDS = {
  backfill: defineCommand({
    summary: 'Fetch some days.',
    options: {
      from: { type: 'string', value: 'YYYY-MM-DD', description: 'The first day.' },
      coin: { type: 'string', value: 'ID', multiple: true, description: 'Only this coin.' },
      refetch: { type: 'boolean', description: 'Again.' },
      ...JSON_OPTION,
    },
    run: outcome,
  }),
  status: defineCommand({ summary: 'Show what is stored.', options: {}, run: outcome }),
};

const parse = (...argv: string[]) => parseArguments(COMMANDS, argv);

test('a command with its options gives their values, a repeated one as a list', () => {
  expect(
    parse('backfill', '--from', '2026-01-01', '--coin', 'bitcoin', '--coin=ethereum', '--refetch', '--json'),
  ).toEqual({
    kind: 'run',
    command: COMMANDS.backfill,
    values: { from: '2026-01-01', coin: ['bitcoin', 'ethereum'], refetch: true, json: true },
  });
});

test('options that are not given are absent', () => {
  expect(parse('backfill')).toMatchObject({ values: {} });
});

describe('help', () => {
  test.each(['--help', 'help'])('%s names every command', (word) => {
    const { text } = parse(word) as { text: string };
    expect(text).toContain('backfill  Fetch some days.');
    expect(text).toContain('status    Show what is stored.');
  });

  test('of a command names every option, what it takes and how often', () => {
    const { text } = parse('backfill', '--help') as { text: string };
    expect(text).toContain('npm run backfill -- [--from YYYY-MM-DD] [--coin ID]… [--refetch] [--json]');
    expect(text).toContain('--from YYYY-MM-DD  The first day.');
  });
});

test.each([
  [[], 'No command was given; it takes backfill or status.'],
  [['stauts'], 'There is no command "stauts"; did you mean status?'],
  [['frobnicate'], 'There is no command "frobnicate"; it takes backfill or status.'],
  [['constructor'], 'There is no command "constructor"; it takes backfill or status.'],
  [['backfill', '--form', 'x'], 'backfill has no option --form; did you mean --from?'],
  [['backfill', '--ref'], 'backfill has no option --ref; did you mean --refetch?'],
  [['backfill', '-x'], 'backfill has no option -x; it takes --from, --coin, --refetch, --json or --help.'],
  [['status', '--toString'], 'status has no option --toString; it takes --help.'],
  [['backfill', '--from'], '--from needs a value: --from YYYY-MM-DD.'],
  [['backfill', '--from='], '--from needs a value: --from YYYY-MM-DD.'],
  [['backfill', '--from', '--refetch'], '--from needs a value: --from YYYY-MM-DD.'],
  [['backfill', '--from', 'a', '--from', 'b'], '--from was given twice.'],
  [['backfill', '--refetch=yes'], '--refetch takes no value, but "yes" was given.'],
  [['status', 'now'], '"now" is no option of status: it takes --help.'],
])('%j is refused in one sentence with what would be right', (argv, sentence) => {
  expect(() => parse(...argv)).toThrow(new UsageError(sentence));
});
