import { chmod, lstat, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { withoutPassword } from '../../local/cli/with-database.ts';
import { writeAtomically } from '../../local/cli/write-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'write-file-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function* chunks(...texts: (string | Error)[]) {
  for (const text of texts) {
    if (text instanceof Error) throw text;
    yield text;
  }
}

test('a file has all of the chunks, and says whether there was one before', async () => {
  const path = join(folder, 'prices.csv');
  expect(await writeAtomically(path, chunks('a\n', 'b\n'))).toEqual({ path, isReplaced: false });
  await chmod(path, 0o640);
  expect(await writeAtomically(path, chunks('c\n'))).toEqual({ path, isReplaced: true });
  expect(await readFile(path, 'utf8')).toBe('c\n');
  expect((await stat(path)).mode & 0o777).toBe(0o640);
  expect(await readdir(folder)).toEqual(['prices.csv']);
});

test('what fails midway leaves the earlier file as it was, and nothing else', async () => {
  const path = join(folder, 'prices.csv');
  await writeFile(path, 'before\n');
  const failure = new Error('The statement was cancelled.');
  await expect(writeAtomically(path, chunks('a\n', failure))).rejects.toBe(failure);
  expect(await readFile(path, 'utf8')).toBe('before\n');
  expect(await readdir(folder)).toEqual(['prices.csv']);
});

test('a link stays one: what it leads to is replaced', async () => {
  const [target, link] = [join(folder, 'target.csv'), join(folder, 'link.csv')];
  await writeFile(target, 'before\n');
  await symlink(target, link);
  await writeAtomically(link, chunks('after\n'));
  expect((await lstat(link)).isSymbolicLink()).toBe(true);
  expect(await readFile(target, 'utf8')).toBe('after\n');
});

test.each([
  ['postgres://me:wo%40rd@host:5432/prices', 'postgres://me@host:5432/prices'],
  ['postgresql://me:a@b:c@host/prices?sslmode=require', 'postgresql://me@host/prices?sslmode=require'],
  ['postgres://me@host/prices?password=word&sslmode=require', 'postgres://me@host/prices?sslmode=require'],
  ['postgres:///prices?host=/var/run/postgresql&password=word', 'postgres:///prices?host=/var/run/postgresql'],
  ['postgres://host/prices?password=word', 'postgres://host/prices'],
])('%s is shown without its password', (url, shown) => {
  expect(withoutPassword(url)).toBe(shown);
});
