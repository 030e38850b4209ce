import { IngestionError } from '../../../ingestion/domain/failure.ts';
import { parseRunMessage, RunMessageError } from '../../../ingestion/message/run-message.ts';
import { redriveLocally } from '../../stack/local-queue.ts';
import { redrive as moveDeadLetters } from '../../stack/move-dead-letters.ts';
import { type CommandContext, EXIT, type Outcome, UsageError } from '../command.ts';
import { queueFolderOf } from '../with-database.ts';

export async function redrive(context: CommandContext, { queue }: { readonly queue?: string }): Promise<Outcome> {
  const folder = queueFolderOf(context.settings.databaseUrl);
  const moved = await (queue === undefined ? redriveLocally(folder) : redriveOnAws(queue));
  const runs = moved.map(describe);
  return {
    exitCode: EXIT.complete,
    document: { queue: queue ?? folder, moved: runs },
    text: runs.length === 0 ? 'The dead-letter queue is empty.' : runs.map(({ text }) => text).join('\n'),
  };
}

async function redriveOnAws(queueUrl: string): Promise<string[]> {
  const region = /^https:\/\/sqs\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?\//.exec(queueUrl)?.[1];
  if (!region)
    throw new UsageError(
      `--queue is "${queueUrl}"; it takes the URL of a queue on AWS, which the stack's outputs name. The queue of npm start ` +
        'needs none.',
    );
  try {
    return await moveDeadLetters({ region }, queueUrl);
  } catch (error) {
    if (error instanceof IngestionError) throw error;
    throw new IngestionError(`The queue ${queueUrl} can't be used: ${(error as Error).message}`, { cause: error });
  }
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
