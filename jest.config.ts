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
  // Jest would leave a core idle; much of the time goes to waiting for processes and the database.
  maxWorkers: '100%',
};

export default config;
