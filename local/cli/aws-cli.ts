import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { IngestionError } from '../../ingestion/domain/failure.ts';

/** The AWS CLI is missing, or did not do what it was told. */
class AwsCliError extends IngestionError {
  override readonly name = 'AwsCliError';
}

/**
 * Runs the user's own AWS CLI, with the credentials and the region that it has.
 * @returns its answer, parsed; null for none.
 * @throws AwsCliError with what the CLI says.
 */
export async function aws(args: readonly string[]): Promise<unknown> {
  try {
    const { stdout } = await promisify(execFile)('aws', [...args, '--output', 'json'], {
      // A pager would wait for a person.
      env: { ...process.env, AWS_PAGER: '' },
      maxBuffer: 16 * 1024 ** 2,
    });
    return stdout.trim() === '' ? null : JSON.parse(stdout);
  } catch (error) {
    const { code, stderr = '', message } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === 'ENOENT') {
      throw new AwsCliError('There is no aws on the PATH: install version 2 of the AWS CLI.', { cause: error });
    }
    throw new AwsCliError(`aws ${args.slice(0, 2).join(' ')} failed: ${stderr.trim() || message}`, { cause: error });
  }
}
