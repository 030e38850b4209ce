import * as commander from 'commander';
import type { Command, Commands, Option } from './command.ts';
import { refuseSwallowedOptions } from './swallowed-options.ts';
import { UsageError } from './usage-error.ts';

export type ParsedArguments =
  | { readonly kind: 'help'; readonly text: string }
  | {
      readonly kind: 'run';
      readonly command: Command;
      readonly options: Readonly<Record<string, unknown>>;
      readonly positionals: readonly unknown[];
    };

const HELP_FOOTER = `
The options of one command: npm run <command> -- --help
The settings, from the environment or .env: see README.md`;

/**
 * @param argv what follows the program's name: a command, its positionals and options.
 * @param environment in which npm leaves the options that it took for its own.
 * @throws UsageError
 */
export function parseArguments(
  commands: Commands,
  argv: readonly string[],
  environment: NodeJS.ProcessEnv,
): ParsedArguments {
  if (argv.length === 0) throw new UsageError(`No command was given. It takes ${Object.keys(commands).join(', ')}.`);
  refuseSwallowedOptions(commands, argv, environment);

  let help = '';
  let parsed: ParsedArguments | undefined;
  const program = new commander.Command('npm run')
    .usage('<command> [-- options]')
    .helpCommand(false)
    .helpOption('--help', 'Show this text.')
    .addHelpText('after', HELP_FOOTER)
    .configureHelp({ commandUsage: usageOf, subcommandTerm: (command) => command.name() })
    .configureOutput({
      writeOut: (text) => {
        help += text;
      },
      writeErr: () => {},
    });
  refuseWithUsageError(program);

  for (const [name, command] of Object.entries(commands)) {
    const child = program.command(name).description(command.summary);
    refuseWithUsageError(child);
    for (const notation of command.positionals) child.argument(notation);
    for (const [option, properties] of Object.entries(command.options)) addOption(child, option, properties);
    child.action(() => {
      parsed = { kind: 'run', command, options: givenOptions(child), positionals: child.processedArgs };
    });
  }

  try {
    program.parse(argv, { from: 'user' });
  } catch (error) {
    // Help ends the parsing as an error does.
    if (help === '') throw error;
  }
  return parsed ?? { kind: 'help', text: help.trimEnd() };
}

/** Commander would end the process. */
function refuseWithUsageError(command: commander.Command): void {
  command.exitOverride((error) => {
    if (error.exitCode === 0) throw error;
    throw new UsageError(messageOf(error, command));
  });
}

/** @returns commander's message as a sentence, with a way on where it suggests none. */
function messageOf(error: commander.CommanderError, command: commander.Command): string {
  const [found = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
  const [, tied] = /^unknown option '(--[^=]+)=/.exec(found) ?? [];
  if (command.options.some(({ long }) => long === tied)) return `${tied} takes no value.`;
  const sentence = `${found.slice(0, 1).toUpperCase()}${found.slice(1).replace(/\.$/, '')}.`;
  if (suggestion) return `${sentence} ${suggestion.replace(/^\((.*)\)$/, '$1')}`;
  if (command.commands.length > 0) return `${sentence} It takes ${childrenOf(command)}.`;
  // Of an option that npm took for an abbreviation of its own, only the value arrives.
  const order = error.code === 'commander.excessArguments' ? 'Options come after " -- ": ' : '';
  return `${sentence} ${order}${pathOf(command)} --help shows what it takes.`;
}

const childrenOf = (command: commander.Command): string => command.commands.map((child) => child.name()).join(', ');

/** @returns how the command is called, as far as its options: `npm run backfill --`. */
const pathOf = (command: commander.Command): string =>
  command.parent ? `${command.parent.name()} ${command.name()} --` : command.name();

const usageOf = (command: commander.Command): string => `${pathOf(command)} ${command.usage()}`;

/** @returns the values by the names of the command's table; commander itself writes `dry-run` as `dryRun`. */
function givenOptions(command: commander.Command): Record<string, unknown> {
  const given = command.options.map(
    (option) => [option.name(), command.getOptionValue(option.attributeName())] as const,
  );
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

function addOption(command: commander.Command, name: string, properties: Option): void {
  const { type, description } = properties;
  const isMultiple = 'multiple' in properties;
  const option = new commander.Option(type === 'string' ? `--${name} <${properties.value}>` : `--${name}`, description);
  if (isMultiple) option.argParser((value: string, earlier: string[] = []) => [...earlier, value]);
  command.addOption(option);

  let isGiven = false;
  command.on(`option:${name}`, (value?: string) => {
    // Commander takes whatever comes next for the value: "--from --to 2026-01-31".
    if (type === 'string' && (!value || value.startsWith('--')))
      command.error(`error: option '${option.flags}' argument missing`);
    if (isGiven && !isMultiple) throw new UsageError(`--${name} was given twice.`);
    isGiven = true;
  });
}
