import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { StageSettings } from '../../lib/settings.ts';
import { templateOf } from './synthesise.ts';

const texts = ['docs/runbook.md', 'docs/costs.md', 'README.md'].map((file) => readFileSync(file, 'utf8'));
const runbook = texts[0] ?? '';
const prod = templateOf({});

/** @returns what the pattern's first group finds, each once. */
const found = (pattern: RegExp, text = texts.join('\n')): string[] => [
  ...new Set([...text.matchAll(pattern)].map(([, name = '']) => name)),
];

/** Every name that the template gives a resource. */
const names = new Set(
  Object.values(prod.toJSON()['Resources'] as Record<string, { Properties?: Record<string, unknown> }>).flatMap(
    ({ Properties = {} }) => Object.values(Properties).filter((value) => typeof value === 'string'),
  ),
);

describe('what the documents tell people to type', () => {
  test('names resources as the stack does', () => {
    const typed = found(
      /((?:\/aws\/[\w/]+\/)?crypto-(?:prices|dashboard)-[a-z][\w./-]*[a-z])/g,
      runbook.replaceAll('$SUFFIX', ''),
    )
      .map((name) => name.replace(/-(dev|staging)$/, ''))
      // Made by the restore itself.
      .filter((name) => name !== 'crypto-prices-restored');
    expect(typed.length).toBeGreaterThan(10);
    const queues = new Set([...names].map((name) => name.replace(/\.fifo$/, '')));
    expect(typed.filter((name) => !names.has(name) && !queues.has(name))).toEqual([]);
  });

  test('asks for outputs that the stack has', () => {
    const outputs = Object.keys(prod.findOutputs('*'));
    const asked = found(/\$\(output (\w+)\)/g);
    expect(asked.length).toBeGreaterThan(4);
    expect(asked.filter((name) => !outputs.includes(name))).toEqual([]);
  });

  test('gives settings that there are', () => {
    // By -c for one deploy, or in a settings file.
    const settings = [...found(/-c (\w+)=/g).filter((name) => name !== 'stage'), ...found(/"(\w+)": /g)];
    expect(settings.length).toBeGreaterThan(5);
    expect(settings.filter((name) => !(name in StageSettings.shape))).toEqual([]);
  });
});

test('the console moves dead letters to a named queue: SQS knows no source of those that the worker buried', () => {
  expect(runbook).toContain('*Redrive to custom destination*');
});
