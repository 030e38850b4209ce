import { codesOf, findUnknown } from '../../ingestion/contract/nearest.ts';
import { show } from '../../ingestion/contract/show.ts';
import type { Universe } from '../../ingestion/contract/universe-schema.ts';
import type { Database } from '../../ingestion/database/connection.ts';
import { readStoredNames } from '../../ingestion/database/read-rows.ts';
import { UsageError } from './usage-error.ts';

/**
 * Checks what `--coin` and `--currency` name against the universe, and against what is stored: series that were removed from
 * the universe keep their rows.
 * @throws UsageError with the nearest name.
 */
export async function checkNames(
  { db }: Database,
  universe: Universe,
  names: { readonly coins?: readonly string[] | undefined; readonly currencies?: readonly string[] | undefined },
): Promise<void> {
  const stored = await readStoredNames(db);
  const kinds = [
    ['coin', names.coins, [...universe.coins, ...stored.coins], 'universe -- add ID'],
    ['currency', names.currencies, [...codesOf(universe), ...codesOf(stored)], 'universe -- add CODE'],
  ] as const;
  for (const [kind, given = [], known, add] of kinds) {
    const unknown = findUnknown(given, known);
    if (unknown === null) continue;
    throw new UsageError(
      `--${kind} is ${show(unknown.name)}, no ${kind} of the universe; the nearest is ${unknown.meant}. ` +
        `To add one: npm run ${add}`,
    );
  }
}
