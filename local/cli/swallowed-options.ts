import type { Commands } from './command.ts';
import { UsageError } from './usage-error.ts';

/**
 * Recognises a forgotten ` -- `. Of `npm run backfill --from 2026-01-01` npm takes `--from` for an option of its own: it
 * puts that into the environment, as `npm_config_from`, and passes on the value alone.
 * @throws UsageError
 */
export function refuseSwallowedOptions(
  commands: Commands,
  argv: readonly string[],
  environment: NodeJS.ProcessEnv,
): void {
  const [name = '', ...rest] = argv;
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  // Another script, which npm started with options, may have started this command.
  if (!entry || environment['npm_lifecycle_event'] !== name) return;
  const taken = (option: string) => environment[`npm_config_${option.replaceAll('-', '_')}`];
  const swallowed = Object.entries(entry.options).filter(([option]) => taken(option) && !rest.includes(`--${option}`));
  if (swallowed.length === 0) return;
  const names = swallowed.map(([option]) => `--${option}`).join(' and ');
  const left = rest.length > 0 ? `, and passed on only ${rest.map((word) => JSON.stringify(word)).join(' ')}` : '';
  const written = swallowed.map(([option, one]) => {
    if (one.type === 'boolean') return `--${option}`;
    // `--from=2026-01-01` is swallowed whole.
    const value = taken(option);
    return `--${option} ${value === 'true' ? one.value : value}`;
  });
  // What was passed on may be the values of options.
  const words = swallowed.every(([, { type }]) => type === 'boolean') ? rest : [];
  throw new UsageError(
    `npm took ${names} for its own${left}. Put " -- " before the options: npm run ${name} -- ${[...words, ...written].join(' ')}`,
  );
}
