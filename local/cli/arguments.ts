import { parseArgs } from 'node:util';
import { IngestionError } from '../../ingestion/domain/failure.ts';
import type { Command, Option, OptionTable } from './command.ts';

/** The command line is not what it takes. The message is one sentence, with the nearest that would have been right. */
export class UsageError extends IngestionError {
  override readonly name = 'UsageError';
}

export type Commands = Readonly<Record<string, Command>>;

export type ParsedArguments =
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'run'; readonly command: Command; readonly values: Readonly<Record<string, unknown>> };

const HELP: OptionTable = { help: { type: 'boolean', description: 'Show this text.' } };

/**
 * @param argv what follows the program's name: a command and its options.
 * @throws UsageError
 */
export function parseArguments(commands: Commands, argv: readonly string[]): ParsedArguments {
  const [name, ...rest] = argv;
  if (name === '--help' || name === 'help') return { kind: 'help', text: overview(commands) };
  if (name === undefined) throw new UsageError(`No command was given; it takes ${listed(Object.keys(commands))}.`);
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined)
    throw new UsageError(`There is no command "${name}"; ${suggestion(name, Object.keys(commands))}`);

  const options = { ...command.options, ...HELP };
  const { values, tokens } = parseArgs({ args: rest, options, strict: false, allowPositionals: true, tokens: true });
  const seen = new Set<string>();
  for (const token of tokens) {
    if (token.kind === 'positional')
      throw new UsageError(`"${token.value}" is no option of ${name}: ${takes(options)}.`);
    if (token.kind === 'option-terminator') continue;
    const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
    if (option === undefined) {
      const valid = Object.keys(options).map((known) => `--${known}`);
      throw new UsageError(`${name} has no option ${token.rawName}; ${suggestion(token.rawName, valid)}`);
    }
    if (option.type === 'boolean' && token.value !== undefined)
      throw new UsageError(`--${token.name} takes no value, but "${token.value}" was given.`);
    // "--from --to 2026-01-31": the next option is no value, unless it was tied on with "=".
    if (option.type === 'string' && (!token.value || (token.value.startsWith('-') && !token.inlineValue)))
      throw new UsageError(`--${token.name} needs a value: --${token.name} ${option.value}.`);
    if (seen.has(token.name) && !('multiple' in option)) throw new UsageError(`--${token.name} was given twice.`);
    seen.add(token.name);
  }
  return values['help'] ? { kind: 'help', text: helpOf(name, command) } : { kind: 'run', command, values };
}

function overview(commands: Commands): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length));
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return [
    'Usage: npm run <command> [-- options]',
    '',
    ...lines,
    '',
    'The options of one: npm run <command> -- --help. The settings (environment or .env) stand in README.md.',
  ].join('\n');
}

function helpOf(name: string, command: Command): string {
  const options = Object.entries({ ...command.options, ...HELP });
  const usage = Object.entries(command.options).map(([key, option]) => {
    const part = optionText(key, option);
    return 'multiple' in option ? `[${part}]…` : `[${part}]`;
  });
  const width = Math.max(...options.map(([key, option]) => optionText(key, option).length));
  return [
    `Usage: ${[`npm run ${name}`, ...(usage.length > 0 ? ['--', ...usage] : [])].join(' ')}`,
    '',
    command.summary,
    '',
    ...options.map(([key, option]) => `  ${optionText(key, option).padEnd(width)}  ${option.description}`),
  ].join('\n');
}

const optionText = (name: string, option: Option): string =>
  option.type === 'string' ? `--${name} ${option.value}` : `--${name}`;

const takes = (options: OptionTable): string => `it takes ${listed(Object.keys(options).map((name) => `--${name}`))}`;

function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

/** The nearest of those that a slip of the hand could have meant, or that the word begins; all where none is near. */
function suggestion(given: string, valid: readonly string[]): string {
  const distances = valid.map((word) => (word.startsWith(given) ? 1 : editDistance(given, word)));
  const least = Math.min(...distances);
  const near = valid.filter((_, index) => distances[index] === least);
  return least <= 2 ? `did you mean ${listed(near)}?` : `it takes ${listed(valid)}.`;
}

/** How many letters must be put in, left out or changed (Levenshtein). */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...to].entries())
      next.push(Math.min((row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1, (row[j] ?? 0) + (letter === other ? 0 : 1)));
    row = next;
  }
  return row[to.length] ?? 0;
}
