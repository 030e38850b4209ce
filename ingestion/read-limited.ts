import { readFileSync, statSync } from 'node:fs';

/**
 * Reads a file of the user's. A pipe or a device may never end, so that neither is opened.
 * @throws Error that says what it is, or what the system says.
 */
export function readLimited(file: string, mostBytes: number): Buffer {
  const found = statSync(file);
  if (!found.isFile()) throw new Error('it is no regular file');
  if (found.size > mostBytes) throw new Error(`it has ${found.size} bytes, and at most ${mostBytes} are read`);
  return readFileSync(file);
}
