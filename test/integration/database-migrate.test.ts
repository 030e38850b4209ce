import { afterAll, expect, test } from '@jest/globals';
import { createDatabase } from '../../ingestion/database/connection.ts';
import { useTestDatabase } from '../support/test-database.ts';

const { url } = await useTestDatabase();
const database = createDatabase({ url });
afterAll(database.close);

test('x', async () => {
  expect(await database.db.selectFrom('coins').selectAll().execute()).toEqual([]);
});
