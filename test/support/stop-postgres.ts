import { rmSync } from 'node:fs';
import { dropTemplate, stopServer } from './test-server.ts';

export default async function stopPostgres(): Promise<void> {
  rmSync(process.env['TEST_TEMPLATES'] ?? '', { recursive: true, force: true });
  await dropTemplate().finally(stopServer);
}
