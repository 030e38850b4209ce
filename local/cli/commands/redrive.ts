import type { SQSClientConfig } from '@aws-sdk/client-sqs';
import { IngestionError } from '../../../ingestion/domain/failure.ts';
import { parseRunMessage, RunMessageError } from '../../../ingestion/message/run-message.ts';
import { LOCAL_AWS } from '../../stack/local-aws.ts';
import { findStacks } from '../../stack/running-stacks.ts';
import { defineCommand, EXIT, JSON_OPTION } from '../command.ts';
import { UsageError } from '../usage-error.ts';
import { STACKS_FOLDER } from './start.ts';

export const redrive = defineCommand({
  summary: 'Move the runs that gave up from the dead-letter queue back into the queue.',
  options: {
    queue: {
      type: 'string',
      value: 'URL',
      description: 'The queue of runs, on AWS or of one of several npm start; that of the one that runs unless given.',
    },
    ...JSON_OPTION,
  },
  async run(_context, { queue }) {
    const { config, queueUrl } = await findQueue(queue);
    // Only now: the SDK takes longer to load than most commands run.
    const { redrive } = await import('../../stack/redrive.ts');
    const moved = await redrive(config, queueUrl).catch((error: unknown) => {
      if (error instanceof IngestionError) throw error;
      throw new IngestionError(`The queue ${queueUrl} can't be used: ${(error as Error).message}`, { cause: error });
    });
    const runs = moved.map(describe);
    return {
      exitCode: EXIT.complete,
      document: { queue: queueUrl, moved: runs },
      text: runs.length === 0 ? 'The dead-letter queue is empty.' : runs.map(({ text }) => text).join('\n'),
    };
  },
});

/** @throws UsageError where it is not clear which queue is meant. */
async function findQueue(queueUrl: string | undefined): Promise<{ config: SQSClientConfig; queueUrl: string }> {
  const stacks = await findStacks(STACKS_FOLDER);
  const stack =
    queueUrl === undefined && stacks.length === 1 ? stacks[0] : stacks.find((one) => one.queueUrl === queueUrl);
  if (stack) return { config: { ...LOCAL_AWS, endpoint: stack.endpoint }, queueUrl: stack.queueUrl };
  if (queueUrl !== undefined) {
    const region = /^https:\/\/sqs\.([a-z0-9-]+)\.amazonaws\.com/.exec(queueUrl)?.[1];
    if (!region)
      throw new UsageError(`--queue is "${queueUrl}"; it takes the URL of a queue, as the stack's outputs name it.`);
    return { config: { region }, queueUrl };
  }
  throw new UsageError(
    stacks.length === 0
      ? 'No npm start runs on this machine. For a queue on AWS: npm run redrive -- --queue URL.'
      : `Several npm start run on this machine: give --queue, one of ${stacks.map((one) => one.queueUrl).join(', ')}.`,
  );
}

function describe(body: string): { runId: string | null; hop: number | null; text: string } {
  try {
    const { runId, hop } = parseRunMessage(body);
    return { runId, hop, text: `Run ${runId} is in the queue again, at hop ${hop}.` };
  } catch (error) {
    if (!(error instanceof RunMessageError)) throw error;
    return { runId: null, hop: null, text: `A message that can't be read is in the queue again. ${error.message}` };
  }
}
