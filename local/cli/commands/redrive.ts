import type { SQSClientConfig } from '@aws-sdk/client-sqs';
import { IngestionError } from '../../../ingestion/domain/failure.ts';
import { parseRunMessage, RunMessageError } from '../../../ingestion/message/run-message.ts';
import { redrive as moveDeadLetters } from '../../stack/move-dead-letters.ts';
import { findStacks, LOCAL_AWS } from '../../stack/queue-folder.ts';
import { type CommandContext, EXIT, type Outcome, UsageError } from '../command.ts';
import { QUEUES_FOLDER } from '../with-database.ts';

export async function redrive(_context: CommandContext, { queue }: { readonly queue?: string }): Promise<Outcome> {
  const { config, queueUrl } = await findQueue(queue);
  const moved = await moveDeadLetters(config, queueUrl).catch((error: unknown) => {
    if (error instanceof IngestionError) throw error;
    throw new IngestionError(`The queue ${queueUrl} can't be used: ${(error as Error).message}`, { cause: error });
  });
  const runs = moved.map(describe);
  return {
    exitCode: EXIT.complete,
    document: { queue: queueUrl, moved: runs },
    text: runs.length === 0 ? 'The dead-letter queue is empty.' : runs.map(({ text }) => text).join('\n'),
  };
}

/** @throws UsageError when it is not clear which queue is meant. */
async function findQueue(queueUrl: string | undefined): Promise<{ config: SQSClientConfig; queueUrl: string }> {
  const stacks = await findStacks(QUEUES_FOLDER);
  const stack =
    queueUrl === undefined && stacks.length === 1 ? stacks[0] : stacks.find((one) => one.queueUrl === queueUrl);
  if (stack) return { config: { ...LOCAL_AWS, endpoint: stack.endpoint }, queueUrl: stack.queueUrl };
  if (queueUrl !== undefined) {
    const region = /^https:\/\/sqs\.([a-z0-9-]+)\.amazonaws\.com/.exec(queueUrl)?.[1];
    if (!region)
      throw new UsageError(`--queue is "${queueUrl}"; it takes the URL of a queue, which the stack's outputs name.`);
    return { config: { region }, queueUrl };
  }
  throw new UsageError(
    stacks.length === 0
      ? 'No npm start is running on this machine. For a queue on AWS: npm run redrive -- --queue URL.'
      : `More than one npm start is running on this machine. Choose one with --queue: ${stacks.map((one) => one.queueUrl).join(', ')}.`,
  );
}

function describe(body: string): { runId: string | null; hop: number | null; text: string } {
  try {
    const { runId, hop } = parseRunMessage(body);
    return { runId, hop, text: `Run ${runId} is back in the queue, at hop ${hop}.` };
  } catch (error) {
    if (!(error instanceof RunMessageError)) throw error;
    return { runId: null, hop: null, text: `An unreadable message is back in the queue. ${error.message}` };
  }
}
