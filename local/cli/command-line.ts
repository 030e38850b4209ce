import { CommanderError, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { createTerminal, type Terminal } from '../output/terminal.ts';
import { createProgram, pathOf } from './all-commands.ts';
import { EXIT, type ExitCode, type Host, UsageError } from './command.ts';
import { loadDotEnv } from './load-dot-env.ts';

/**
 * Runs the command that the arguments name, and prints its outcome. It never throws: every error is printed.
 * @param argv what follows the program's name: a command, its positionals and options.
 */
export async function runCommandLine(argv: readonly string[], host: Host): Promise<ExitCode> {
  // Looked for before the arguments are parsed: their errors are JSON documents too.
  const terminal = createTerminal(host.stdout, host.stderr, argv.includes('--json'));
  try {
    loadDotEnv(host.env, host.cwd());
    return await parse(argv, host, terminal);
  } catch (error) {
    // Loaded late, as all that a wrong option or --help can do without.
    const { showError } = await import('./run-command.ts');
    return showError(error, { host, terminal });
  }
}

async function parse(argv: readonly string[], host: Host, terminal: Terminal): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.complete;
  const program = createProgram(async (command, ...args) => {
    const { runCommand } = await import('./run-command.ts');
    exitCode = await runCommand((context) => command(context, ...args), { host, terminal });
  });
  const called = program.commands.find((command) => command.name() === argv[0]);
  if (argv.length === 0) throw new UsageError(`No command was given. It takes ${namesIn(program)}.`);
  if (called) refuseSwallowedOptions(called, argv.slice(1), host.env);
  for (const one of [program, ...program.commands])
    one.configureOutput({ writeOut: (text) => terminal.print(text.trimEnd()), writeErr: () => {} });
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0) throw new UsageError(messageOf(error, called ?? program));
  }
  return exitCode;
}

/** @returns commander's message as a sentence, with a way on where it suggests none. */
function messageOf(error: CommanderError, command: CommandUnknownOpts): string {
  const [found = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
  const [, tied] = /^unknown option '(--[^=]+)=/.exec(found) ?? [];
  if (command.options.some(({ long }) => long === tied)) return `${tied} takes no value.`;
  const sentence = `${found.slice(0, 1).toUpperCase()}${found.slice(1).replace(/\.$/, '')}.`;
  if (suggestion) return `${sentence} ${suggestion.replace(/^\((.*)\)$/, '$1')}`;
  if (command.commands.length > 0) return `${sentence} It takes ${namesIn(command)}.`;
  // Of an option that npm took for an abbreviation of its own, only the value arrives.
  const order = error.code === 'commander.excessArguments' ? 'Options come after " -- ": ' : '';
  return `${sentence} ${order}${pathOf(command)} --help shows what it takes.`;
}

const namesIn = ({ commands }: CommandUnknownOpts): string => commands.map((command) => command.name()).join(', ');

/**
 * Recognises a forgotten ` -- `. Of `npm run backfill --from 2026-01-01` npm takes `--from` for an option of its own: it
 * puts that into the environment, as `npm_config_from`, and passes on the value alone.
 * @throws UsageError
 */
function refuseSwallowedOptions(command: CommandUnknownOpts, words: readonly string[], env: NodeJS.ProcessEnv): void {
  // Another script, which npm started with options, may have started this command.
  if (env['npm_lifecycle_event'] !== command.name()) return;
  const swallowed = command.options.flatMap((option) => {
    const value = env[`npm_config_${option.name().replaceAll('-', '_')}`];
    return value && !words.includes(`--${option.name()}`) ? [{ option, value }] : [];
  });
  if (swallowed.length === 0) return;
  const names = swallowed.map(({ option }) => option.long).join(' and ');
  const left = words.length > 0 ? `, and passed on only ${words.map((word) => JSON.stringify(word)).join(' ')}` : '';
  const written = swallowed.map(({ option, value }) =>
    // `--from=2026-01-01` is swallowed whole.
    option.required && value !== 'true' ? `${option.long} ${value}` : option.flags.replace(/[<>]/g, ''),
  );
  // What was passed on may be the values of options.
  const positionals = swallowed.some(({ option }) => option.required) ? [] : words;
  throw new UsageError(
    `npm consumed ${names}${left}. Put " -- " before the options: ` +
      `${pathOf(command)} ${[...positionals, ...written].join(' ')}`,
  );
}
