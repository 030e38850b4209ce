import { Logger } from '@aws-lambda-powertools/logger';
import { ENVIRONMENT } from '../../ingestion/contract/environment.ts';
import { SERVICE_NAME } from '../../ingestion/contract/names.ts';
import type { Log } from '../../ingestion/ports.ts';

/** @property with a log of its own that adds the fields to each line; work side by side never shares fields. */
export type StructuredLog = Log & { with(fields: Record<string, unknown>): StructuredLog };

/** @returns a log that prints one JSON object a line, at the level that `LOG_LEVEL` names (INFO where it names none). */
export function createLog(fields: Record<string, unknown> = {}): StructuredLog {
  const stage = process.env[ENVIRONMENT.stage];
  return wrap(new Logger({ serviceName: SERVICE_NAME, persistentKeys: { ...(stage ? { stage } : {}), ...fields } }));
}

function wrap(logger: ReturnType<Logger['createChild']>): StructuredLog {
  return {
    debug: (message, fields = {}) => logger.debug(message, fields),
    info: (message, fields = {}) => logger.info(message, fields),
    warn: (message, fields = {}) => logger.warn(message, fields),
    error: (message, fields = {}) => logger.error(message, fields),
    with: (fields) => wrap(logger.createChild({ persistentKeys: fields })),
  };
}
