import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { StageSettings } from '../../lib/stage-settings.ts';
import { WEBHOOK } from './deployments.ts';
import { templateOf } from './templates.ts';

const texts = ['docs/runbook.md', 'docs/costs.md', 'README.md'].map((file) => readFileSync(file, 'utf8'));
const runbook = texts[0] ?? '';
const prod = templateOf('webhook');

/** @returns what the pattern's first group finds, each once. */
const found = (pattern: RegExp, text = texts.join('\n')): string[] => [
  ...new Set([...text.matchAll(pattern)].map(([, name = '']) => name)),
];

/** Every name that the template gives a resource. */
const names = new Set(
  Object.values(prod.Resources).flatMap(({ Properties = {} }) =>
    Object.values(Properties).filter((value) => typeof value === 'string'),
  ),
);

describe('what the documents tell people to type', () => {
  test('names resources as the stack does', () => {
    const typed = found(
      /((?:\/aws\/[\w/]+\/)?crypto-(?:prices|dashboard)-[a-z][\w./-]*[a-z])/g,
      runbook.replaceAll('$SUFFIX', ''),
    )
      .map((name) => name.replace(/-(dev|staging)$/, ''))
      // Made by the restore itself, and by a person.
      .filter((name) => !['crypto-prices-restored', WEBHOOK].includes(name));
    expect(typed.length).toBeGreaterThan(10);
    const queues = new Set([...names].map((name) => name.replace(/\.fifo$/, '')));
    expect(typed.filter((name) => !names.has(name) && !queues.has(name))).toEqual([]);
  });

  test('asks for outputs that the stack has', () => {
    const outputs = Object.keys(prod.Outputs ?? {});
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

  test('asks the stack, and not a database on the own machine', () => {
    expect(runbook).not.toMatch(/`status`|npm run (status|fetch-data|backfill)/);
  });
});

/** The command blocks of the runbook by the headings above them; those at the top have the heading of the page. */
const sections = runbook.split(/^#+ /m).flatMap((section) => {
  const [heading = ''] = section.split('\n');
  const blocks = [...section.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
  return blocks.length > 0 ? [{ heading, blocks }] : [];
});
const [top] = sections;

const folder = mkdtempSync(join(tmpdir(), 'runbook-'));
afterAll(() => rmSync(folder, { recursive: true }));
// Every program that the blocks call, and that changes or asks anything: it notes what it is given, and answers two words.
const calls = join(folder, 'calls');
writeFileSync(
  join(folder, 'fake'),
  `#!/bin/sh\necho "$*" >> ${calls}\ncase "$0" in *curl | *npx | *npm) ;; *) echo one two ;; esac\n`,
);
chmodSync(join(folder, 'fake'), 0o755);
for (const name of ['aws', 'curl', 'jq', 'npm', 'npx', 'pg_dump', 'pg_restore', 'psql'])
  symlinkSync(join(folder, 'fake'), join(folder, name));

const run = (shell: readonly string[], args: readonly string[], input = '') => {
  const [program = '', ...options] = shell;
  const { status, stderr, error } = spawnSync(program, [...options, ...args], {
    input,
    encoding: 'utf8',
    env: { PATH: `${folder}:/usr/bin:/bin`, HOME: folder },
  });
  return { status, stderr, isMissing: (error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT' };
};

/** As a person has them, without startup files. */
const SHELLS = [
  ['bash', '--norc', '--noprofile'],
  ['zsh', '-f'],
] as const;

describe.each(SHELLS)('the blocks of the runbook, pasted into %s', (...shell) => {
  // Where zsh is not installed, its tests are shown as skipped.
  const isThere = !run(shell, ['-c', ':']).isMissing;
  const ask = isThere ? test : test.skip;

  ask('are read without an error', () => {
    expect(sections.length).toBeGreaterThan(20);
    for (const { heading, blocks } of sections) {
      for (const block of blocks)
        expect({ heading, ...run(shell, ['-n'], block) }).toMatchObject({ heading, status: 0, stderr: '' });
    }
  });

  // With nothing but the blocks at the top of the page. An unset variable or an unknown command ends the shell.
  ask.each(sections.slice(1))('$heading: is complete', ({ blocks }) => {
    const script = ['set -eu', top?.blocks[0], ...blocks].join('\n');
    expect(run(shell, ['-c', script], 'typed\ntyped\n')).toMatchObject({ stderr: '', status: 0 });
  });

  ask('a drill fires each alarm that does not ring, and then ends each', () => {
    const blocks = sections.find(({ heading }) => heading === 'Drill')?.blocks ?? [];
    writeFileSync(calls, '');
    run(shell, ['-c', [top?.blocks[0], ...blocks].join('\n')], 'typed\n');
    const states = found(
      /^cloudwatch set-alarm-state --alarm-name (\w+ --state-value \w+) --state-reason A drill/gm,
      readFileSync(calls, 'utf8'),
    );
    expect(states).toEqual(
      ['ALARM', 'OK'].flatMap((state) => ['one', 'two'].map((name) => `${name} --state-value ${state}`)),
    );
  });
});

test('no block has a comment, which interactive zsh takes for words, or a sign for the history', () => {
  for (const { heading, blocks } of sections) {
    for (const block of blocks) {
      expect({ heading, block }).toEqual({ heading, block: expect.not.stringMatching(/(^|\s)#|!/) });
    }
  }
});

test('every command of AWS stands in a block, where it can be pasted', () => {
  const prose = runbook.replace(/^```sh\n[\s\S]*?^```$/gm, '');
  expect(found(/`((?:aws|npx|authorization|output) [^`]*)`/g, prose)).toEqual([]);
});

test('no pager waits for a key, and the region is set once', () => {
  expect(top?.blocks[0]).toMatch(/^export AWS_REGION=[\w-]+\nexport AWS_PAGER="" /);
  expect(runbook.match(/AWS_REGION|--region/g)).toHaveLength(1);
});

test('the console moves dead letters to a named queue: SQS knows no source of those that the worker buried', () => {
  expect(runbook).toContain('*Redrive to custom destination*');
});
