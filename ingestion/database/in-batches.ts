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
 * @param options.keysOf two items with a key in common never share a batch: the second is written after the first.
 * @param options.isFaultOfItem whether a failed batch may succeed without one of its items; each is then written alone.
 */
export function inBatches<Item, Result>(
  write: (items: readonly Item[]) => Promise<readonly Result[]>,
  {
    most,
    keysOf = () => [],
    isFaultOfItem = () => false,
  }: {
    most: number;
    keysOf?: (item: Item) => readonly string[];
    isFaultOfItem?: (error: unknown) => boolean;
  },
): (item: Item) => Promise<Result> {
  let waiting: Waiting<Item, Result>[] = [];
  let isWriting = false;

  function takeBatch(): Waiting<Item, Result>[] {
    const batch: Waiting<Item, Result>[] = [];
    const left: Waiting<Item, Result>[] = [];
    const keys = new Set<string>();
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

  async function writeWaiting(): Promise<void> {
    isWriting = true;
    while (waiting.length > 0) await settle(takeBatch());
    isWriting = false;
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (!isWriting) void writeWaiting();
    });
}
