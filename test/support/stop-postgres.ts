import { dropTemplate, stopServer } from './test-server.ts';

export default async function stopPostgres(): Promise<void> {
  await dropTemplate().finally(stopServer);
}
