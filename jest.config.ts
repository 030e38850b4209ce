import { availableParallelism } from 'node:os';
import type { Config } from 'jest';

const config: Config = {
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/test/support/strip-types.mjs' },
  globalSetup: '<rootDir>/test/support/start-postgres.ts',
  globalTeardown: '<rootDir>/test/support/stop-postgres.ts',
  collectCoverageFrom: ['ingestion/**/*.ts'],
  coverageProvider: 'v8',
  testTimeout: 30_000,
  // Tests that start processes wait for them: one worker more than two cores keeps both busy.
  maxWorkers: Math.max(3, availableParallelism()),
};

export default config;
