import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { close, listen } from './listen.ts';

/** An answer that is an error of the service, by its name in the service's model. */
export class ServiceError extends Error {
  readonly type: string;

  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

export type AwsJsonServer = {
  readonly url: string;
  /** The actions called, in order. */
  readonly actions: readonly string[];
  /** What to do before and after each call is worked on; a promise that never settles is a service that hangs. */
  around: (moment: 'before' | 'after', action: string) => Promise<void>;
  close(): Promise<void>;
};

/** Serves AWS's JSON protocol on loopback: an action by the X-Amz-Target header, input and output as JSON. */
export async function startAwsJsonServer(
  actions: Readonly<Record<string, (input: Record<string, unknown>) => object>>,
): Promise<AwsJsonServer> {
  const called: string[] = [];
  const http = createServer(async (request, response) => {
    const action = String(request.headers['x-amz-target']).split('.').at(-1) ?? '';
    const reply = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body));
    };
    try {
      const input = (await json(request)) as Record<string, unknown>;
      called.push(action);
      await server.around('before', action);
      const work = actions[action];
      if (!work) throw new ServiceError('UnknownOperationException', `${action} is not served here.`);
      const output = work(input);
      await server.around('after', action);
      reply(200, output);
    } catch (error) {
      if (error instanceof ServiceError) reply(400, { __type: error.type, message: error.message });
      else reply(500, { __type: 'InternalFailure', message: `${error}` });
    }
  });
  const url = `http://127.0.0.1:${await listen(http)}`;
  const server: AwsJsonServer = { url, actions: called, around: async () => {}, close: () => close(http) };
  return server;
}
