import { type AwsJsonServer, startAwsJsonServer } from './aws-json-server.ts';

export type EventBridgeServer = AwsJsonServer & {
  /** The header value that the connection sends; null before the first one. */
  authorization: string | null;
  state: 'AUTHORIZED' | 'AUTHORIZING' | 'DEAUTHORIZED';
  /** How often an updated connection is still found AUTHORIZING; Infinity for one that is never authorised. */
  authorizingFor: number;
};

/** EventBridge with one connection. An update makes it AUTHORIZING, and after some looks AUTHORIZED. */
export async function startEventBridge(): Promise<EventBridgeServer> {
  let looksLeft = 0;
  const server: EventBridgeServer = Object.assign(
    await startAwsJsonServer({
      UpdateConnection: ({ Name: name, AuthorizationType: type, AuthParameters: parameters }) => {
        const { ApiKeyAuthParameters: key } = parameters as { ApiKeyAuthParameters: Record<string, string> };
        if (type !== 'API_KEY' || key['ApiKeyName'] !== 'Authorization') throw new Error('Another kind of connection.');
        server.authorization = key['ApiKeyValue'] ?? null;
        server.state = 'AUTHORIZING';
        looksLeft = server.authorizingFor;
        return {
          ConnectionArn: `arn:aws:events:eu-central-1:000000000000:connection/${name}`,
          ConnectionState: server.state,
        };
      },
      DescribeConnection: ({ Name: name }) => {
        if (server.state === 'AUTHORIZING' && looksLeft-- <= 0) server.state = 'AUTHORIZED';
        return { Name: name, ConnectionState: server.state, StateReason: 'As the test wants it.' };
      },
    }),
    { authorization: null, state: 'AUTHORIZED' as const, authorizingFor: 2 },
  );
  return server;
}
