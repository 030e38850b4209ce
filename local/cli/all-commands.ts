// The commands with their positionals and options. The code of one is loaded when it is called.
import { Argument, Command, type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { type CommandFunction, UsageError } from './command.ts';

const JSON_OPTION = ['--json', 'Print one JSON document on stdout, and nothing else there.'] as const;
const DRY_RUN = ['--dry-run', 'Show the requests, credits and time that it would take, and send nothing.'] as const;
const NOW = [
  '--now <ISO>',
  'Run as of this moment. For tests and replays, with a CoinGecko address on this machine only.',
] as const;

const inList = (value: string, earlier: string[] = []): string[] => [...earlier, value];

const FOOTER = `
The options of one command: npm run <command> -- --help
The settings, from the environment or .env: see README.md`;

/** @param run is called with the function of the command that was named, and with what was given for it. */
export function createProgram(
  run: <Args extends readonly unknown[]>(command: CommandFunction<Args>, ...args: Args) => Promise<void>,
): CommandUnknownOpts {
  const program = new Command('npm run')
    .usage('<command> [-- options]')
    .helpCommand(false)
    .helpOption('--help', 'Show this text.')
    .addHelpText('after', FOOTER)
    .configureHelp({
      commandUsage: (command) => `${pathOf(command)} ${command.usage()}`,
      subcommandTerm: (command) => command.name(),
    })
    .exitOverride();

  program
    .command('fetch-data')
    .description('Fetch every day that is missing.')
    .option(...DRY_RUN)
    .option(...JSON_OPTION)
    .option(...NOW)
    .action(async (options) => run((await import('./commands/fetch-data.ts')).fetchData, options));

  program
    .command('backfill')
    .description('Fetch what is missing between two days.')
    .option('--from <YYYY-MM-DD>', 'The first UTC day.')
    .option('--to <YYYY-MM-DD>', 'The last UTC day, at most yesterday.')
    .option('--coin <ID>', 'Only this coin. May be repeated.', inList)
    .option('--currency <CODE>', 'Only this currency. May be repeated.', inList)
    .option('--refetch', 'Fetch stored days too. Changed prices are kept as revisions.')
    .option(...DRY_RUN)
    .option(...JSON_OPTION)
    .option(...NOW)
    .action(async (options) => run((await import('./commands/fetch-data.ts')).backfill, options));

  program
    .command('status')
    .description('Show what is stored, what is missing, the latest runs and the credits used.')
    .option(
      '--run <ID>',
      'Show this run alone, with its series and findings. The first 8 letters of its id are enough.',
    )
    .option(...JSON_OPTION)
    .action(async (options) => run((await import('./commands/status.ts')).status, options));

  program
    .command('report')
    .description('Write prices, coverage and runs as one HTML page.')
    .option('--out <FILE>', 'The file to write. Default: report.html.')
    .option(...JSON_OPTION)
    .action(async (options) => run((await import('./commands/report.ts')).report, options));

  program
    .command('sql')
    .description('Run one statement in quotes, which may only read; without one, open psql.')
    .argument('[statement]')
    .addOption(new Option('--csv', 'Print CSV with a heading, and nothing else on stdout.').conflicts('json'))
    .option(...JSON_OPTION)
    .action(async (statement, options) => run((await import('./commands/sql.ts')).sql, statement, options));

  program
    .command('export')
    .description('Write daily prices as CSV or JSON, to stdout or into a file.')
    .option('--from <YYYY-MM-DD>', 'The first UTC day. Default: the first that is stored.')
    .option('--to <YYYY-MM-DD>', 'The last UTC day. Default: the last that is stored.')
    .option('--coin <ID>', 'Only this coin. May be repeated.', inList)
    .option('--currency <CODE>', 'Only this currency. May be repeated.', inList)
    .addOption(
      new Option('--format <csv|json>', 'Default: as the name of FILE ends, else csv.').choices(['csv', 'json']),
    )
    .option('--final', 'Only prices that are final.')
    .option('--wide', 'A line for each day, with a column for each series: its average.')
    .option('--imported', 'Imported prices too, where CoinGecko has none: the view price_history.')
    .option('--out <FILE>', 'The file to write; its name ends in .csv or .json.')
    .option('--force', 'Replace a file that is there.')
    .option('--json', 'With --out, print what was written as one JSON document; without, the same as --format json.')
    .action(async (options) => run((await import('./commands/export.ts')).exportPrices, options));

  program
    .command('import')
    .description('Take daily prices of one coin from a CSV file, beside those of CoinGecko.')
    .argument('<file>')
    .option('--coin <ID>', 'The coin, of the universe.')
    .option('--currency <CODE>', 'The currency, of the universe.')
    .option('--day-column <NAME>', 'The column of the days, or its number without a heading. Default: day, date, …')
    .option('--price-column <NAME>', 'The column of the prices, or its number. Default: price, average, close, …')
    .addOption(
      new Option(
        '--decimal <SIGN>',
        'The sign before the decimals: , or . and the other one groups thousands.',
      ).choices([',', '.']),
    )
    .option('--day-format <FORMAT>', 'How days are written, such as DD.MM.YYYY. Default: YYYY-MM-DD.')
    .option('--source-name <TEXT>', "Where the prices come from. Default: the file's name.")
    .option('--replace', 'Replace prices that were imported before and differ.')
    .option('--force', "Import prices that don't fit those that are stored.")
    .option(...JSON_OPTION)
    .action(async (file, options) => run((await import('./commands/import.ts')).importPrices, file, options));

  program
    .command('explain')
    .description('Show how one daily price came about, from its stored answer.')
    .option('--coin <ID>', 'The coin.')
    .option('--currency <CODE>', 'The currency.')
    .option('--day <YYYY-MM-DD>', 'The UTC day.')
    .option(...JSON_OPTION)
    .action(async (options) => run((await import('./commands/replay.ts')).explain, options));

  program
    .command('recompute')
    .description('Make rows of older rules again from their stored answers, without CoinGecko.')
    .option(...JSON_OPTION)
    .action(async () => run((await import('./commands/replay.ts')).recompute));

  program
    .command('migrate')
    .description("Bring the database's tables up to date, as the other commands do too.")
    .option(...JSON_OPTION)
    .action(async () => run((await import('./commands/migrate.ts')).migrate));

  program
    .command('universe')
    .description('Change what is tracked, or compare it with what CoinGecko lists.')
    .addArgument(new Argument('<action>').choices(['add', 'remove', 'list', 'check']))
    .argument('[coins-and-currencies...]')
    .option(...JSON_OPTION)
    .action(async (action, words) => run((await import('./commands/universe.ts')).universe, action, words));

  program
    .command('redrive')
    .description('Move runs from the dead-letter queue back into their queue.')
    .option('--queue <URL>', 'The queue of runs on AWS. Default: that of npm start on the database of the settings.')
    .option(...JSON_OPTION)
    .action(async (options) => run((await import('./commands/redrive.ts')).redrive, options));

  program
    .command('demo')
    .description('Show everything at work with made-up prices. Needs no network, account, key or Docker.')
    .option(...JSON_OPTION)
    .action(async () => run((await import('./commands/demo.ts')).demo));

  program
    .command('start')
    .description('Serve the endpoint, the queue, its worker, the schedule and the page, until Ctrl-C.')
    .option('--host <ADDRESS>', 'The address of the endpoint and the page, for containers. Default: loopback.')
    .option('--port <N>', 'The port of the endpoint and the page. Default: a free one.')
    .action(async (options) => run((await import('./commands/start.ts')).start, options));

  for (const command of program.commands) for (const option of command.options) refuseMisuse(command, option);
  return program;
}

/** @returns how the command is called, as far as its options: `npm run backfill --`. */
export const pathOf = (command: CommandUnknownOpts): string =>
  command.parent ? `${command.parent.name()} ${command.name()} --` : command.name();

/** Commander lets the last value win, and takes whatever comes next for one: `--from --to 2026-01-31`. */
function refuseMisuse(command: CommandUnknownOpts, option: CommandUnknownOpts['options'][number]): void {
  const isList = option.parseArg === inList;
  let isGiven = false;
  command.on(`option:${option.name()}`, (value?: string) => {
    if (option.required && (!value || value.startsWith('--')))
      command.error(`error: option '${option.flags}' argument missing`);
    if (isGiven && !isList) throw new UsageError(`${option.long} was given twice.`);
    isGiven = true;
  });
}
