// The graph of imports in docs/architecture.md against the imports that there are.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const [, graph = ''] =
  /Who imports whom:[\s\S]*?```mermaid\nflowchart LR\n([\s\S]*?)```/.exec(
    readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8'),
  ) ?? [];

/** What each name of the graph stands for: `cli[local/cli]` for a folder, `lib` for itself. */
const labels = new Map([...graph.matchAll(/(\w+)\[([^\]]+)\]/g)].map(([, name = '', label = '']) => [name, label]));
const labelOf = (node: string): string => {
  const [name = ''] = node.trim().split('[');
  return labels.get(name) ?? name;
};
const drawn = graph
  .split('\n')
  .filter((line) => line.includes('-->'))
  .flatMap((line) => {
    const [from = '', to = ''] = line.split('-->').map((side) => side.split('&').map(labelOf));
    return [...from].flatMap((one) => [...to].map((other) => `${one} → ${other}`));
  });
const nodes = [...new Set(drawn.flatMap((arrow) => arrow.split(' → ')))];

const nodeOf = (file: string) => nodes.find((node) => file === node || file.startsWith(`${node}/`));
const files = ['bin', 'functions', 'ingestion', 'lib', 'local', 'migrations', 'simulator'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(folder, file)),
);
const found = files.flatMap((file) =>
  [...readFileSync(join(ROOT, file), 'utf8').matchAll(/from '(\.[^']+)'/g)].flatMap(([, path = '']) => {
    const [from, to] = [file, relative(ROOT, resolve(ROOT, dirname(file), path))].map(nodeOf);
    return from && to && from !== to ? [`${from} → ${to}`] : [];
  }),
);

test('docs/architecture.md draws every import between its parts, and no other', () => {
  expect(nodes.length).toBeGreaterThan(10);
  expect([...new Set(drawn)].sort()).toEqual([...new Set(found)].sort());
});
