import middy from '@middy/core';
import type { Migrated } from '../../ingestion/database/migrator.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { openDatabase } from '../common/connect.ts';
import { FULL_TIME } from '../common/invocation.ts';
import { log, logInvocation } from '../common/logger.ts';
import { migrate } from './migrate-or-fail.ts';

/**
 * Invoked at deploy, before the worker may work.
 * @throws whatever keeps the schema from being up to date, so that the deploy fails.
 */
export const handler = middy<unknown, Migrated>(FULL_TIME)
  .use(logInvocation('The schema could not be brought up to date'))
  .handler(() => migrate(() => openDatabase(log), systemClock, log));
