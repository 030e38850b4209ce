import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { SETTINGS } from '../../ingestion/contract/settings.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const FILES = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'],
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file)),
];
const scripts = Object.keys(JSON.parse(read('package.json')).scripts);

/** As GitHub makes it of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

const anchorsIn = (file: string): string[] =>
  [...read(file).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading));

describe.each(FILES)('%s', (file) => {
  test('names commands that there are', () => {
    const named = [...read(file).matchAll(/npm (?:run (?:--silent )?([a-z][\w-]*)|(start|test))/g)];
    const unknown = named.map(([, script, short]) => script ?? short ?? '').filter((name) => !scripts.includes(name));
    expect(unknown).toEqual([]);
  });

  test('names files of the program that there are', () => {
    const named = [
      ...read(file).matchAll(
        /[`[]((?:bin|functions|ingestion|lib|local|migrations|simulator|stages|bench|docs|test)\/[\w./-]*)[`\]]/g,
      ),
    ];
    expect(named.map(([, path = '']) => path).filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  test('leads to files and headings that there are', () => {
    const links = [...read(file).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)]*))?\)/g)];
    const broken = links.filter(([, path, anchor]) => {
      const target = path ? join(dirname(file), path) : file;
      return !existsSync(join(ROOT, target)) || (anchor !== undefined && !anchorsIn(target).includes(anchor));
    });
    expect(broken.map(([link]) => link)).toEqual([]);
  });
});

test('docs/settings.md has every command in its table', () => {
  const commands = scripts.filter((name) => /bin\/ingest\.ts/.test(JSON.parse(read('package.json')).scripts[name]));
  const rows = read('docs/settings.md')
    .split('\n')
    .filter((line) => line.startsWith('| `npm '));
  expect(
    commands.filter((name) => !rows.some((row) => row.includes(`npm ${name}`) || row.includes(`run ${name}`))),
  ).toEqual([]);
});

test('docs/settings.md has every setting in its table, with what it takes', () => {
  const rows = read('docs/settings.md')
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()));
  const told = Object.keys(SETTINGS).map((name) => [name, rows.find(([, first]) => first === `\`${name}\``)?.[2]]);
  expect(told).toEqual(Object.entries(SETTINGS).map(([name, schema]) => [name, schema.description]));
});
