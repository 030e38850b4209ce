import { Logger } from '@aws-lambda-powertools/logger';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import type { MiddlewareObj } from '@middy/core';
import { ENVIRONMENT, SERVICE_NAME } from '../../ingestion/contract/names.ts';
import type { Log } from '../../ingestion/ports.ts';

const logger = new Logger({
  serviceName: SERVICE_NAME,
  persistentKeys: { stage: process.env[ENVIRONMENT.stage] },
});

/** One JSON object a line, from the level in `LOG_LEVEL` upwards (INFO by default). */
export const log: Log = {
  debug: (message, fields = {}) => logger.debug(message, fields),
  info: (message, fields = {}) => logger.info(message, fields),
  warn: (message, fields = {}) => logger.warn(message, fields),
  error: (message, fields = {}) => logger.error(message, fields),
};

/**
 * Names the invocation on each line, and logs what the handler throws.
 * @param failure the message of that line.
 */
export const logInvocation = (failure: string): MiddlewareObj[] => [
  injectLambdaContext(logger, { resetKeys: true }),
  { onError: ({ error }) => log.error(failure, { error }) },
];
