import {
  DescribeConnectionCommand,
  type EventBridgeClient,
  UpdateConnectionCommand,
} from '@aws-sdk/client-eventbridge';
import { IngestionError } from '../../ingestion/domain/failure.ts';
import type { Clock } from '../../ingestion/ports.ts';
import { retryUntil } from '../../ingestion/retry-until.ts';

const POLL_EVERY_MS = 1_000;
/** Authorising takes seconds. What takes a minute won't happen. */
const AUTHORISED_WITHIN_MS = 60_000;

/** EventBridge did not take the secret, or did not authorise the connection with it. */
class ConnectionError extends IngestionError {
  override readonly name = 'ConnectionError';
}

export type Connection = ReturnType<typeof createConnection>;

/** EventBridge's connection, which holds its own copy of the secret and sends it with each scheduled call. */
export function createConnection(client: EventBridgeClient, name: string, clock: Clock) {
  const describe = () => client.send(new DescribeConnectionCommand({ Name: name }));

  async function expectAuthorised(): Promise<void> {
    const { ConnectionState: state, StateReason: reason = 'no reason given' } = await describe();
    const found = `The connection ${name} is ${state} after a minute (${reason})`;
    if (state !== 'AUTHORIZED')
      throw new ConnectionError(`${found}, expected AUTHORIZED: see it in the EventBridge console.`);
  }

  return {
    /** @returns EventBridge's word for it, such as AUTHORIZED or DEAUTHORIZED. */
    state: async (): Promise<string> => (await describe()).ConnectionState ?? 'unknown',

    /**
     * Makes EventBridge send the secret, and waits until the connection is authorised. Repeating it is harmless.
     * @throws ConnectionError when EventBridge refuses it, or it is not authorised after a minute.
     */
    async authorise(secret: string): Promise<void> {
      const update = new UpdateConnectionCommand({
        Name: name,
        AuthorizationType: 'API_KEY',
        AuthParameters: { ApiKeyAuthParameters: { ApiKeyName: 'Authorization', ApiKeyValue: `Bearer ${secret}` } },
      });
      await client.send(update).catch((error: unknown) => {
        // AWS's validation errors quote the value that they refuse: the text is masked, and the error itself kept back.
        throw new ConnectionError(`The connection ${name} can't be updated: ${String(error).replaceAll(secret, '…')}`);
      });
      await retryUntil(clock.monotonicMs() + AUTHORISED_WITHIN_MS, expectAuthorised, {
        everyMs: POLL_EVERY_MS,
        clock,
        isWaitedFor: (failure) => failure instanceof ConnectionError,
      });
    },
  };
}
