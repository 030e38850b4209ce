type Waiting<Item, Result> = {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (reason: unknown) => void;
};

/**
 * Writes items together: those that come while a batch is being written share the next one. So a round trip, a transaction
 * and a commit are paid once for all that wait, and one that comes alone waits for nothing.
 *
 * @param write writes the items in one transaction. @returns a result for each, in their order.
 * @param options.most how many a batch has at most.
 * @param options.atOnce how many batches may be under way.
 * @param options.keysOf of two items with a key in common the second is written after the first.
 * @param options.isFaultOfItem whether a failed batch may succeed without one of its items; each is then written alone.
 */
export function inBatches<Item, Result>(
  write: (items: readonly Item[]) => Promise<readonly Result[]>,
  {
    most,
    atOnce = 1,
    keysOf = () => [],
    isFaultOfItem = () => false,
  }: {
    most: number;
    atOnce?: number;
    keysOf?: (item: Item) => readonly string[];
    isFaultOfItem?: (error: unknown) => boolean;
  },
): (item: Item) => Promise<Result> {
  let waiting: Waiting<Item, Result>[] = [];
  let underWay: Waiting<Item, Result>[][] = [];

  function takeBatch(): Waiting<Item, Result>[] {
    const batch: Waiting<Item, Result>[] = [];
    const left: Waiting<Item, Result>[] = [];
    const keys = new Set(underWay.flat().flatMap(({ item }) => keysOf(item)));
    for (const one of waiting) {
      const own = keysOf(one.item);
      if (batch.length < most && !own.some((key) => keys.has(key))) batch.push(one);
      else left.push(one);
      for (const key of own) keys.add(key);
    }
    waiting = left;
    return batch;
  }

  async function settle(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await write(batch.map(({ item }) => item));
      for (const [index, { resolve }] of batch.entries()) resolve(results[index] as Result);
    } catch (error) {
      if (batch.length > 1 && isFaultOfItem(error)) for (const one of batch) await settle([one]);
      else for (const { reject } of batch) reject(error);
    }
  }

  function writeWaiting(): void {
    while (underWay.length < atOnce) {
      const batch = takeBatch();
      if (batch.length === 0) return;
      underWay.push(batch);
      void settle(batch).then(() => {
        underWay = underWay.filter((one) => one !== batch);
        writeWaiting();
      });
    }
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      writeWaiting();
    });
}
