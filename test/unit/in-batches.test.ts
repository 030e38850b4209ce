import { expect, test } from '@jest/globals';
import { inBatches } from '../../ingestion/database/in-batches.ts';

/** @returns a writer that finishes a batch when it is told to, and the batches that it began. */
function heldWriter(options: Partial<Parameters<typeof inBatches<string, string>>[1]> = {}) {
  const batches: string[][] = [];
  const finish: ((error?: Error) => void)[] = [];
  const write = inBatches<string, string>(
    async (items) => {
      batches.push([...items]);
      await new Promise<void>((resolve, reject) => {
        finish.push((error) => (error ? reject(error) : resolve()));
      });
      return items.map((item) => item.toUpperCase());
    },
    { most: 3, ...options },
  );
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  async function finishNext(error?: Error): Promise<void> {
    finish.shift()?.(error);
    await settle();
  }
  return { batches, write, finishNext };
}

test('what comes alone is written at once; what comes meanwhile shares the next batch, as many as it takes', async () => {
  const { batches, write, finishNext } = heldWriter();
  const written = Promise.all(['a', 'b', 'c', 'd', 'e'].map(write));
  expect(batches).toEqual([['a']]);
  await finishNext();
  expect(batches).toEqual([['a'], ['b', 'c', 'd']]);
  await finishNext();
  await finishNext();
  expect(batches.at(-1)).toEqual(['e']);
  expect(await written).toEqual(['A', 'B', 'C', 'D', 'E']);
});

test('two items with a key in common are written one after the other, in the order that they came in', async () => {
  const { batches, write, finishNext } = heldWriter({ keysOf: (item) => [item.slice(0, 1)] });
  const written = Promise.all(['x', 'a1', 'a2', 'b', 'a3'].map(write));
  for (let batch = 0; batch < 4; batch += 1) await finishNext();
  expect(batches).toEqual([['x'], ['a1', 'b'], ['a2'], ['a3']]);
  await written;
});

test('an item that spoils its batch fails alone; what spoils everything fails all, and the next batch is tried', async () => {
  const { batches, write, finishNext } = heldWriter({ isFaultOfItem: (error) => String(error).includes('item') });
  const [first, good, bad] = ['x', 'good', 'bad'].map((item) => write(item));
  const failure = expect(bad).rejects.toThrow('of the item itself');
  await finishNext();
  await finishNext(new Error('of an item'));
  await finishNext();
  await finishNext(new Error('of the item itself'));
  await failure;
  expect(await Promise.all([first, good])).toEqual(['X', 'GOOD']);
  expect(batches).toEqual([['x'], ['good', 'bad'], ['good'], ['bad']]);

  const lost = Promise.allSettled(['y', 'p', 'q'].map(write));
  await finishNext(new Error('connection gone'));
  await finishNext(new Error('connection gone'));
  expect((await lost).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  const next = write('z');
  await finishNext();
  expect(await next).toBe('Z');
});

test('as many batches as are allowed are under way at once, but none with a key of another one', async () => {
  const { batches, write, finishNext } = heldWriter({ atOnce: 2, keysOf: (item) => [item.slice(0, 1)] });
  const written = Promise.all(['a1', 'a2', 'b', 'c', 'd'].map(write));
  expect(batches).toEqual([['a1'], ['b']]);
  await finishNext();
  expect(batches).toEqual([['a1'], ['b'], ['a2', 'c', 'd']]);
  await finishNext();
  await finishNext();
  expect(await written).toEqual(['A1', 'A2', 'B', 'C', 'D']);
});
