import type { Universe } from '../../ingestion/contract/universe.ts';
import { describeUnknown, type NameKind } from '../../ingestion/contract/unknown-name.ts';
import type { Database } from '../../ingestion/database/connection.ts';
import { readStoredNames } from '../../ingestion/database/export-prices.ts';
import { UsageError } from './usage-error.ts';

/**
 * Checks what `--coin` and `--currency` name against the universe, and what is stored: series that were removed from the
 * universe keep their rows.
 * @throws UsageError with the nearest name.
 */
export async function checkNames(
  { db }: Database,
  universe: Universe,
  {
    coins = [],
    currencies = [],
  }: { coins?: readonly string[] | undefined; currencies?: readonly string[] | undefined },
): Promise<void> {
  const stored = await readStoredNames(db);
  check('coin', coins, [...universe.coins.map(({ id }) => id), ...stored.coins]);
  check('currency', currencies, [...universe.currencies.map(({ code }) => code), ...stored.currencies]);
}

function check(kind: NameKind, given: readonly string[], known: readonly string[]): void {
  const unknown = describeUnknown(kind, given, known);
  if (unknown !== null) throw new UsageError(`--${kind} is ${unknown}`);
}
