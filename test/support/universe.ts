import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readUniverse } from '../../ingestion/read-settings.ts';

/** That of universe.json. */
export const DEFAULT_UNIVERSE = readUniverse({});

/** @returns so many coins that CoinGecko does not know. */
export const madeUpCoins = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ id: `coin-${index}`, symbol: `c${index}`, name: `Coin ${index}` }));

const folders: string[] = [];
process.once('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Writes a universe where the `UNIVERSE` setting can name it; the file goes when the process ends. @returns its path. */
export function writeUniverse(universe: unknown): string {
  const folder = mkdtempSync(join(tmpdir(), 'universe-'));
  folders.push(folder);
  const file = join(folder, 'universe.json');
  writeFileSync(file, JSON.stringify(universe));
  return file;
}
