import { expect, test } from '@jest/globals';
import { repeatTransaction } from '../../ingestion/database/fence.ts';

const failure = (code: string) => Object.assign(new Error(`SQLSTATE ${code}`), { code });

/** Fails with each of the codes in turn, then succeeds. @returns what came of it, and the pauses it made. */
async function repeat(codes: readonly string[], random = () => 0.5) {
  const pauses: number[] = [];
  const left = [...codes];
  const transaction = async () => {
    const code = left.shift();
    if (code !== undefined) throw failure(code);
    return 'committed';
  };
  const clock = { sleep: async (durationMs: number) => void pauses.push(durationMs) };
  const result = await repeatTransaction(transaction, { clock, random }).catch(({ code }: { code: string }) => code);
  return { result, pauses, left };
}

test('a transaction that others were in the way of is repeated after growing pauses', async () => {
  expect(await repeat(['40001', '40P01', '40001'])).toMatchObject({ result: 'committed', pauses: [50, 100, 200] });
});

test('the pauses differ, so that two that met once do not meet again', async () => {
  expect((await repeat(['40001'], () => 0)).pauses).toEqual([25]);
  expect((await repeat(['40001'], () => 0.9)).pauses).toEqual([70]);
});

test('after five attempts the failure is handed on', async () => {
  expect(await repeat(Array(6).fill('40001'))).toMatchObject({ result: '40001', left: ['40001'] });
});

test('other failures are handed on at once', async () => {
  expect(await repeat(['23503', '40001'])).toEqual({ result: '23503', pauses: [], left: ['40001'] });
});
