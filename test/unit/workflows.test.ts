import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';

type Step = { uses?: string; run?: string };
type Job = { if?: string; permissions?: Record<string, string>; steps: Step[] };

const read = (file: string) => readFileSync(file, 'utf8');
const workflow = (name: string): { permissions: object; jobs: Record<string, Job> } =>
  parse(read(`.github/workflows/${name}.yml`));
const { check, deploy } = { check: workflow('check'), deploy: workflow('deploy') };
const jobs = [...Object.values(check.jobs), ...Object.values(deploy.jobs)];
const runsOf = (job: Job | undefined) => job?.steps.flatMap(({ run }) => run ?? []) ?? [];

test('a change is checked by the commands that CONTRIBUTING.md names, all of which there are', () => {
  const runs = runsOf(check.jobs['check']);
  expect(runs).toEqual(['npm ci', 'npm run check', 'npm test']);
  for (const command of runs) expect(read('CONTRIBUTING.md')).toMatch(new RegExp(`^ {4}${command}( |$)`, 'm'));
  const { scripts, devDependencies } = JSON.parse(read('package.json'));
  expect([scripts.check, scripts.test, devDependencies['aws-cdk']]).not.toContain(undefined);
});

test('actions are pinned by commit, with the version beside it', () => {
  const pinned = /^[\w-]+\/[\w-]+@[0-9a-f]{40}$/;
  const used = jobs.flatMap(({ steps }) => steps.flatMap(({ uses }) => uses ?? []));
  expect(used.filter((uses) => !pinned.test(uses))).toEqual([]);
  expect(`${read('.github/workflows/check.yml')}${read('.github/workflows/deploy.yml')}`).not.toMatch(
    /uses: \S+(?! # v\d+\.\d+\.\d+$)$/m,
  );
});

describe('a deploy', () => {
  test('is shown on pull requests of branches of the repository, by a role that reads', () => {
    const { diff } = deploy.jobs;
    expect(diff?.if).toContain('head.repo.full_name == github.repository');
    expect(JSON.stringify(diff)).toContain('vars.AWS_READ_ROLE');
    expect(JSON.stringify(diff)).not.toContain('AWS_DEPLOY_ROLE');
    expect(runsOf(diff)[1]).toMatch(/^npx cdk diff -c stage=prod --method=template /);
  });

  test('is made by hand, of one stage, by the command of the README and the runbook', () => {
    expect(deploy.jobs['deploy']?.if).toBe("github.event_name == 'workflow_dispatch'");
    expect(runsOf(deploy.jobs['deploy'])).toEqual([
      'npm ci',
      expect.stringMatching(/^npx cdk deploy -c stage="\$STAGE" /),
    ]);
    expect(read('README.md')).toContain('    npx cdk deploy\n');
    expect(read('docs/runbook.md')).toContain('npx cdk deploy -c stage=$STAGE\n');
  });

  test('no text of a pull request is put into a command', () => {
    for (const job of jobs) for (const run of runsOf(job)) expect(run).not.toContain('${{');
  });

  test('nothing has more rights than it needs', () => {
    for (const { permissions } of [check, deploy]) expect(permissions).toEqual({ contents: 'read' });
    expect(deploy.jobs['deploy']?.permissions).toEqual({ contents: 'read', 'id-token': 'write' });
  });
});
