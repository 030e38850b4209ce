import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readUniverse } from '../../ingestion/settings.ts';

/** That of universe.json. */
export const DEFAULT_UNIVERSE = readUniverse({});

/** Writes a universe where the `UNIVERSE` setting can name it; the file goes when the process ends. @returns its path. */
export function writeUniverse(universe: unknown): string {
  const folder = mkdtempSync(join(tmpdir(), 'universe-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'universe.json');
  writeFileSync(file, JSON.stringify(universe));
  return file;
}
