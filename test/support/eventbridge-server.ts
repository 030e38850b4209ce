import { type AwsJsonServer, startAwsJsonServer } from './aws-json-server.ts';

export type EventBridgeServer = Awaited<ReturnType<typeof startEventBridge>>;

/** EventBridge with one connection. An update makes it AUTHORIZING, and after some looks AUTHORIZED. */
export async function startEventBridge() {
  let looksLeft = 0;
  const connection = {
    /** The header value that it sends; null before the first one. */
    authorization: null as string | null,
    state: 'AUTHORIZED' as 'AUTHORIZED' | 'AUTHORIZING' | 'DEAUTHORIZED',
    /** How often it is still found AUTHORIZING after an update; Infinity for one that is never authorised. */
    authorizingFor: 2,
  };
  const server: typeof connection & AwsJsonServer = Object.assign(
    await startAwsJsonServer({
      UpdateConnection: ({ Name: name, AuthorizationType: type, AuthParameters: parameters }) => {
        const { ApiKeyAuthParameters: key } = parameters as { ApiKeyAuthParameters: Record<string, string> };
        if (type !== 'API_KEY' || key['ApiKeyName'] !== 'Authorization') throw new Error('Another kind of connection.');
        server.authorization = key['ApiKeyValue'] ?? null;
        server.state = 'AUTHORIZING';
        looksLeft = server.authorizingFor;
        return { ConnectionArn: `arn:aws:events:::connection/${name}`, ConnectionState: server.state };
      },
      DescribeConnection: ({ Name: name }) => {
        if (server.state === 'AUTHORIZING' && looksLeft-- <= 0) server.state = 'AUTHORIZED';
        return { Name: name, ConnectionState: server.state, StateReason: 'As the test wants it.' };
      },
    }),
    connection,
  );
  return server;
}
