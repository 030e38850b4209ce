import { IngestionError } from '../../ingestion/domain/failure.ts';

/** The command line is not one that the program takes. The message says what was found, and what would be right. */
export class UsageError extends IngestionError {
  override readonly name = 'UsageError';
}
