// A process that uses the embedded server of the folder given: it prints URL and folder, waits for a line and stops.
import { once } from 'node:events';
import { startEmbeddedPostgres } from '../../local/postgres/embedded-postgres.ts';

const said: string[] = [];
const server = await startEmbeddedPostgres({
  dataFolder: process.argv[2] ?? '',
  flags: ['-c', 'fsync=off'],
  log: (message) => said.push(message),
});
console.log(JSON.stringify({ url: server.url, folder: server.folder, said }));
await once(process.stdin, 'data');
await server.stop();
process.stdin.destroy();
