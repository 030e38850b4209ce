import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Delivery, RunQueue, WorkerQueue } from '../../functions/common/run-queue.ts';
import { MAX_RECEIVES, QUEUE_RETENTION_DAYS, VISIBILITY_MINUTES } from '../../ingestion/contract/limits.ts';
import { deduplicationId } from '../../ingestion/contract/run-request.ts';
import { DAY_MS, MINUTE_MS } from '../../ingestion/domain/day.ts';
import { IngestionError, LockTakenError } from '../../ingestion/domain/failure.ts';
import type { Clock } from '../../ingestion/ports.ts';

/** @property runs wait, are postponed or in hand. */
export type QueueCounts = { readonly runs: number; readonly deadLetters: number };

/**
 * The queue of runs and its dead letters, with what SQS promises of the stack's two queues on AWS. It is a file, which other
 * processes may open too, and listens on nothing.
 */
export type LocalQueue = Awaited<ReturnType<typeof startLocalQueue>>;

/** A message that is done stays as long as a repeat of it is dropped. All have one group: the first holds the others up. */
const TABLE = `create table if not exists messages (
  position integer primary key autoincrement,
  id text not null,
  deduplication_id text not null,
  body text not null,
  sent_at integer not null,
  visible_at integer not null,
  receives integer not null default 0,
  state text not null check (state in ('waiting', 'dead', 'done')),
  reason text
)`;

/** So long SQS drops a repeat of a message. */
const DEDUPLICATION_MS = 5 * MINUTE_MS;

/** How long one process waits for another that is writing. */
const BUSY_MS = 5_000;

/** Earlier versions numbered the queues of one database. What the first of them left is taken up. */
const placeIn = (folder: string): string => join(folder, '1');
const NOTE = 'page-address';

/**
 * Takes the folder of a database's queue for this process. A message is on the disk there before it counts as accepted. What
 * an earlier stack left is visible at once, also what a killed worker had in hand or a retry had postponed.
 * @param folder with null nothing is kept.
 * @throws LockTakenError with the address of the stack that has it. The lock ends with its process, however that ends.
 * @throws IngestionError when the folder can't be used.
 */
export async function startLocalQueue(folder: string | null) {
  if (folder === null) return { ...openQueue(':memory:'), announce: async (_url: string) => {} };
  return await using(folder, async (path) => {
    await mkdir(path, { recursive: true });
    const lock = lockFolder(path);
    try {
      const note = join(path, NOTE);
      await rm(note, { force: true });
      const queue = openQueue(join(path, 'queue.db'));
      const old = join(path, 'fauxqs.db');
      if (existsSync(old)) {
        queue.take(old);
        // Killed before this, each message is here twice: a run's repeat finds nothing to do.
        await rm(old);
      }
      queue.showAll();
      return {
        ...queue,
        /** Tells whoever starts a second stack where this one's page is. */
        announce: (url: string) => writeFile(note, url),
        async close() {
          const left = await queue.close();
          lock.close();
          return left;
        },
      };
    } catch (error) {
      lock.close();
      throw error;
    }
  });
}

/** Moves a database's dead letters back, whether a stack is running on it or not. @returns their bodies, in their order. */
export async function redriveLocally(folder: string): Promise<string[]> {
  const file = join(placeIn(folder), 'queue.db');
  if (!existsSync(file)) return [];
  return await using(folder, async () => {
    const queue = openQueue(file);
    try {
      return queue.redrive();
    } finally {
      await queue.close();
    }
  });
}

async function using<Result>(folder: string, work: (path: string) => Promise<Result>): Promise<Result> {
  try {
    return await work(placeIn(folder));
  } catch (error) {
    if (error instanceof LockTakenError) throw error;
    throw new IngestionError(
      `The queue's messages in ${folder} can't be used: ${(error as Error).message}. Make the folder writable, or move it ` +
        'away to start with an empty queue.',
      { cause: error },
    );
  }
}

/** SQLite's code for a file that another process has locked. */
const SQLITE_BUSY = 5;

function lockFolder(path: string): DatabaseSync {
  const lock = new DatabaseSync(join(path, 'lock'));
  try {
    lock.exec('begin exclusive');
    return lock;
  } catch (error) {
    lock.close();
    if ((error as { errcode?: unknown }).errcode !== SQLITE_BUSY) throw error;
    const note = join(path, NOTE);
    const where = existsSync(note) ? `Its page is ${readFileSync(note, 'utf8')}` : 'It is starting or stopping.';
    throw new LockTakenError(`Another npm start is running on this database: use it, or stop it first. ${where}`);
  }
}

function openQueue(file: string) {
  const db = new DatabaseSync(file, { timeout: BUSY_MS });
  db.exec(TABLE);
  const change = (statement: string, ...values: (string | number)[]) => db.prepare(statement).run(...values);
  const count = (condition: string): number =>
    Number(db.prepare(`select count(*) as count from messages where ${condition}`).get()?.['count']);
  const counts = (): QueueCounts => ({ runs: count("state = 'waiting'"), deadLetters: count("state = 'dead'") });
  const held = "position || '/' || receives = ?";

  const calls: RunQueue & WorkerQueue = {
    async send(message) {
      const now = Date.now();
      change("delete from messages where state = 'done' and sent_at < ?", now - DEDUPLICATION_MS);
      change('delete from messages where sent_at < ?', now - QUEUE_RETENTION_DAYS * DAY_MS);
      change(
        `insert into messages (id, deduplication_id, body, sent_at, visible_at, state)
          select ?1, ?2, ?3, ?4, ?4, 'waiting'
          where not exists (select 1 from messages where deduplication_id = ?2 and sent_at > ?5)`,
        ...[randomUUID(), deduplicationId(message), JSON.stringify(message), now, now - DEDUPLICATION_MS],
      );
    },
    async depth() {
      const inFlight = count(`state = 'waiting' and receives > 0 and visible_at > ${Date.now()}`);
      return { waiting: counts().runs - inFlight, inFlight };
    },
    async postpone({ receiptHandle }, delayMs) {
      change(`update messages set visible_at = ? where ${held}`, Date.now() + delayMs, receiptHandle);
    },
    async sendToDeadLetterQueue({ receiptHandle }, reason) {
      change(`update messages set state = 'dead', reason = ? where ${held}`, reason, receiptHandle);
    },
  };
  return {
    ...calls,
    counts,
    /** @returns the first message, unless it is hidden, and hides it. After its last receive it is a dead letter. */
    receive(): Delivery | null {
      const now = Date.now();
      change(
        "update messages set state = 'dead' where state = 'waiting' and receives >= ? and visible_at <= ?",
        ...[MAX_RECEIVES, now],
      );
      const message = db
        .prepare(
          `update messages set receives = receives + 1, visible_at = ?
            where position = (select min(position) from messages where state = 'waiting') and visible_at <= ?
            returning id, body, receives, position || '/' || receives as receipt`,
        )
        .get(now + VISIBILITY_MINUTES * MINUTE_MS, now);
      if (!message) return null;
      const { id, body, receives, receipt } = message;
      return { messageId: `${id}`, receiptHandle: `${receipt}`, body: `${body}`, receiveCount: Number(receives) };
    },
    /** The message is done with. A dead letter stays. */
    remove(delivery: Delivery): void {
      change(`update messages set state = 'done' where state = 'waiting' and ${held}`, delivery.receiptHandle);
    },
    /** Nobody has a message in hand when the stack starts. */
    showAll: () => void change("update messages set visible_at = 0 where state = 'waiting'"),
    /** Each comes last, with its receives forgotten: one that fails again in the meantime stays a dead letter. */
    redrive: () =>
      db
        .prepare(
          `update messages set state = 'waiting', receives = 0, visible_at = 0, reason = null,
            position = position + (select max(position) from messages) where state = 'dead' returning body, position`,
        )
        .all()
        .sort((one, other) => Number(one['position']) - Number(other['position']))
        .map(({ body }) => `${body}`),
    /** Takes what an earlier version's queue holds. */
    take: (old: string) => {
      change('attach database ? as old', old);
      db.exec(`insert into messages (id, deduplication_id, body, sent_at, visible_at, receives, state)
        select message_id, message_id, body, sent_timestamp, 0, approximate_receive_count,
          iif(queue_name = 'runs.fifo', 'waiting', 'dead') from old.sqs_messages order by cast(sequence_number as integer);
        detach database old`);
    },
    /** @returns what is kept for the next start. */
    async close() {
      const left = counts();
      db.close();
      return left;
    },
  };
}

/** How often is looked for a message, and the pause after a look that failed. */
const LOOK_MS = 200;
const RETRY_MS = 1_000;

/**
 * Hands a queue's messages to `handle`, one at a time, and removes each one that `handle` is done with. Any other message stays
 * hidden for as long as the queue, or `handle`, has set.
 *
 * @param options.isReady a message is taken only when it says so: an accepted run waits, and loses no receive.
 * @param options.handle returns whether the message is done with.
 * @param options.onError is told when the queue can't be used, and when `handle` throws.
 * @returns a function that stops the polling. It waits for the message in hand.
 */
export function pollQueue(options: {
  readonly queue: Pick<LocalQueue, 'counts' | 'receive' | 'remove'>;
  readonly clock: Pick<Clock, 'sleep'>;
  readonly isReady: () => Promise<boolean>;
  readonly handle: (delivery: Delivery) => Promise<boolean>;
  readonly onError: (error: unknown) => void;
}): () => Promise<void> {
  const { queue, clock, isReady, handle, onError } = options;
  const stopped = new AbortController();

  async function poll(): Promise<void> {
    while (!stopped.signal.aborted) {
      let pauseMs = LOOK_MS;
      try {
        if (queue.counts().runs > 0 && (await isReady()) && !stopped.signal.aborted) {
          const delivery = queue.receive();
          if (delivery && (await handle(delivery))) {
            queue.remove(delivery);
            continue;
          }
        }
      } catch (error) {
        if (stopped.signal.aborted) return;
        onError(error);
        pauseMs = RETRY_MS;
      }
      await clock.sleep(pauseMs, stopped.signal).catch(() => {});
    }
  }

  const ended = poll();
  return async () => {
    stopped.abort();
    await ended;
  };
}
