import {
  DescribeConnectionCommand,
  type EventBridgeClient,
  UpdateConnectionCommand,
} from '@aws-sdk/client-eventbridge';
import { IngestionError } from '../../ingestion/domain/failure.ts';
import type { Clock } from '../../ingestion/ports.ts';

const POLL_EVERY_MS = 1_000;
/** Authorising an API key takes seconds; a minute says that it won't happen. */
const AUTHORISED_WITHIN_MS = 60_000;

/** EventBridge did not authorise the connection. */
export class ConnectionError extends IngestionError {
  override readonly name = 'ConnectionError';
}

/** EventBridge's connection, which holds its own copy of the secret and sends it with each scheduled call. */
export type Connection = {
  /** @returns EventBridge's word for it, such as AUTHORIZED or DEAUTHORIZED. */
  state(): Promise<string>;
  /**
   * Makes EventBridge send the secret, and waits until the connection is authorised. Repeating it is harmless.
   * @throws ConnectionError when it still is not after a minute.
   */
  authorise(secret: string): Promise<void>;
};

export function createConnection(client: EventBridgeClient, name: string, clock: Clock): Connection {
  const describe = () => client.send(new DescribeConnectionCommand({ Name: name }));
  return {
    async state() {
      return (await describe()).ConnectionState ?? 'unknown';
    },
    async authorise(secret) {
      await client.send(
        new UpdateConnectionCommand({
          Name: name,
          AuthorizationType: 'API_KEY',
          AuthParameters: {
            ApiKeyAuthParameters: { ApiKeyName: 'Authorization', ApiKeyValue: `Bearer ${secret}` },
          },
        }),
      );
      const giveUpAt = clock.now() + AUTHORISED_WITHIN_MS;
      for (;;) {
        const { ConnectionState: state, StateReason: reason = 'no reason given' } = await describe();
        if (state === 'AUTHORIZED') return;
        if (clock.now() >= giveUpAt) {
          throw new ConnectionError(
            `The connection ${name} is ${state} after a minute (${reason}), expected AUTHORIZED: see it in the EventBridge console.`,
          );
        }
        await clock.sleep(POLL_EVERY_MS);
      }
    },
  };
}
