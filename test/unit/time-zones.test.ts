import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import config from '../../jest.config.ts';

const run = promisify(execFile);

// A process reads its time zone once, so that each zone needs one of its own.
test.each(['America/New_York', 'Asia/Tokyo', 'Pacific/Apia'])(
  'the pure core does the same in %s',
  async (TZ) => {
    const { globalSetup, globalTeardown, ...rest } = config;
    const withoutDatabase = JSON.stringify({ ...rest, rootDir: process.cwd() });
    const args = [
      '--experimental-vm-modules',
      'node_modules/jest/bin/jest.js',
      '--runInBand',
      '--config',
      withoutDatabase,
      'test/unit/domain/(day|planning|aggregation)',
    ];
    const { stderr } = await run(process.execPath, args, { env: { ...process.env, TZ } });
    expect(stderr).toMatch(/Tests: +(\d{2,}) passed, \1 total/);
  },
  60_000,
);
