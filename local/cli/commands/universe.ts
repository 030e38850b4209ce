import { createInterface } from 'node:readline/promises';
import { Readable } from 'node:stream';
import { createCoinGeckoClient } from '../../../ingestion/coingecko/client.ts';
import { show } from '../../../ingestion/contract/show.ts';
import { codesOf, findUnknown, type Universe } from '../../../ingestion/contract/universe-schema.ts';
import { SourceError } from '../../../ingestion/domain/failure.ts';
import { createRetryPolicy } from '../../../ingestion/domain/retry-policy.ts';
import type { Clock } from '../../../ingestion/ports.ts';
import { systemClock } from '../../../ingestion/system-clock.ts';
import { formatDuration } from '../../output/format.ts';
import { type CommandContext, EXIT, type Outcome, UsageError } from '../command.ts';
import { compareUniverse, currencyName, findListed, type UniverseItem } from '../listing.ts';
import {
  addedText,
  checkedText,
  itemText,
  nameText,
  removedText,
  universeJson,
  universeText,
} from '../universe-text.ts';
import { writeAtomically } from '../write-file.ts';

const ACTIONS = { add, remove, list, check };

/** More of one symbol are not read. Dozens of coins share one. */
const MOST_CHOICES = 20;

export async function universe(
  context: CommandContext,
  action: keyof typeof ACTIONS,
  words: readonly string[],
): Promise<Outcome> {
  const takesWords = action === 'add' || action === 'remove';
  if (takesWords && words.length === 0)
    throw new UsageError(
      `${action} what? A coin's id or symbol, or a currency: npm run universe -- ${action} pepe jpy`,
    );
  if (!takesWords && words.length > 0)
    throw new UsageError(
      `${action} takes no coins or currencies; found ${words.map((word) => show(word)).join(', ')}.`,
    );
  return await ACTIONS[action](context, words);
}

/** All that are named are added, or none. */
async function add(context: CommandContext, words: readonly string[]): Promise<Outcome> {
  const { universe, universeFile: file } = context.settings;
  const listed = await readListed(context);
  const added: UniverseItem[] = [];
  const known: UniverseItem[] = [];
  for (const { word, fitting } of findAll(words, listed, notListed)) {
    const tracked = fitting.find((item) => isAmong(item, [...itemsOf(universe), ...added]));
    if (tracked) known.push(tracked);
    else added.push(await chooseOne(word, fitting, context));
  }
  const extended = universeOf([...itemsOf(universe), ...added]);
  if (added.length > 0) await writeAtomically(file, Readable.from([universeJson(extended)]));
  const newSeries = countSeries(extended) - countSeries(universe);
  return {
    exitCode: EXIT.complete,
    document: { file, added, alreadyTracked: known, newSeries },
    text: addedText(file, extended, { added, known, newSeries }),
  };
}

/** All that are named are removed, or none. */
async function remove(context: CommandContext, words: readonly string[]): Promise<Outcome> {
  const { universe, universeFile: file } = context.settings;
  const removed: UniverseItem[] = [];
  for (const { word, fitting } of findAll(words, universe, notTracked)) {
    const item = await chooseOne(word, fitting, context);
    if (!isAmong(item, removed)) removed.push(item);
  }
  const reduced = universeOf(itemsOf(universe).filter((item) => !isAmong(item, removed)));
  for (const [kind, left] of [['coin', reduced.coins] as const, ['currency', reduced.currencies] as const])
    if (left.length === 0)
      throw new UsageError(`That would leave no ${kind}; a universe has at least one. Add another one first.`);
  await writeAtomically(file, Readable.from([universeJson(reduced)]));
  return { exitCode: EXIT.complete, document: { file, removed }, text: removedText(file, removed) };
}

async function list({ settings: { universe, universeFile: file } }: CommandContext): Promise<Outcome> {
  return { exitCode: EXIT.complete, document: { file, ...universe }, text: universeText(file, universe) };
}

/** Exits 1 where something differs, and 2, as `diff` does, where CoinGecko could not be asked. */
async function check(context: CommandContext): Promise<Outcome> {
  const { universe, universeFile: file } = context.settings;
  const differences = compareUniverse(universe, await readListed(context));
  return {
    exitCode: differences.length === 0 ? EXIT.complete : EXIT.incomplete,
    document: { coins: universe.coins.length, currencies: universe.currencies.length, differences },
    text: checkedText(file, universe, differences),
  };
}

/** @throws SourceError when CoinGecko doesn't answer; the signal's reason at Ctrl-C. */
async function readListed({ settings, terminal, interrupt }: CommandContext): Promise<Universe> {
  const client = createCoinGeckoClient({ ...settings.source, clock: systemClock });
  const patience = { clock: systemClock, interrupt, note: terminal.note };
  const coins = await askPatiently(client.listCoins, patience);
  const codes = await askPatiently(client.listCurrencies, patience);
  return {
    // The file takes no empty text.
    coins: coins.map(({ id, symbol, name }) => ({ id, symbol: symbol || id, name: name || id })),
    currencies: codes.map((code) => ({ code, name: currencyName(code) })),
  };
}

/**
 * Makes a single request, and waits and repeats it as a run does: after a 429 for as long as the source asks.
 * @throws SourceError when the policy gives up; the signal's reason when it aborts.
 */
export async function askPatiently<Answer>(
  request: (signal: AbortSignal) => Promise<Answer>,
  {
    clock,
    interrupt,
    note,
  }: { clock: Pick<Clock, 'monotonicMs' | 'sleep'>; interrupt: AbortSignal; note: (text: string) => void },
): Promise<Answer> {
  const policy = createRetryPolicy();
  let attempts = 1;
  for (;;) {
    const sentAt = clock.monotonicMs();
    try {
      return await request(interrupt);
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      const failed = { error, sentAt, endedAt: clock.monotonicMs(), attempts };
      const { retryInMs, pauseMs } = policy.failed(failed, Math.random());
      if (retryInMs === null) throw error;
      const waitMs = Math.max(retryInMs, pauseMs ?? 0);
      note(`${error.message} – trying again in ${formatDuration(Math.ceil(waitMs / 1000) * 1000)}`);
      await clock.sleep(waitMs, interrupt);
      if (error.kind !== 'rate_limited') attempts += 1;
    }
  }
}

type Found = { readonly word: string; readonly fitting: readonly [UniverseItem, ...UniverseItem[]] };

/** Before anybody is asked: a word that fits nothing ends it all. */
function findAll(
  words: readonly string[],
  listed: Universe,
  refuse: (word: string, listed: Universe) => UsageError,
): Found[] {
  return words.map((word) => {
    const [first, ...others] = findListed(word, listed);
    if (first === undefined) throw refuse(word, listed);
    return { word, fitting: [first, ...others] };
  });
}

/** Asks a person which one is meant where several fit; where nobody can be asked, they are listed in the error. */
async function chooseOne(
  word: string,
  fitting: Found['fitting'],
  { terminal, interrupt, host }: CommandContext,
): Promise<UniverseItem> {
  if (fitting.length === 1) return fitting[0];
  const more = fitting.length - MOST_CHOICES;
  const lines = fitting.slice(0, MOST_CHOICES).map(itemText);
  const rest = more > 0 ? [`… and ${more} more, whose ids are longer: see coingecko.com`] : [];
  const title = `${show(word)} fits ${fitting.length}:`;
  if (terminal.live === null || !host.stdin.isTTY)
    throw new UsageError([`${title} name one of them.`, ...lines.map((line) => `  ${line}`), ...rest].join('\n'));
  const choice = await chooseByNumber([title, ...rest].join(' '), lines, {
    input: host.stdin,
    say: terminal.note,
    signal: interrupt,
  });
  interrupt.throwIfAborted();
  const chosen = choice === null ? undefined : fitting[choice];
  if (chosen === undefined) throw new UsageError('None was chosen; nothing was changed.');
  return chosen;
}

/**
 * Lets a person choose one of several by its number. The terminal's own line editing is used, so that Ctrl-C stays the
 * signal that it is elsewhere.
 * @returns the index; null when nothing is chosen: an empty line, the end of the input, or the signal.
 */
export async function chooseByNumber(
  title: string,
  options: readonly string[],
  { input, say, signal }: { input: NodeJS.ReadableStream; say: (text: string) => void; signal: AbortSignal },
): Promise<number | null> {
  const question = `Which one? A number from 1 to ${options.length}, or Enter for none:`;
  say([title, ...options.map((option, index) => `${String(index + 1).padStart(4)}  ${option}`), question].join('\n'));
  for await (const line of createInterface({ input, terminal: false, signal })) {
    const typed = line.trim();
    if (typed === '' || signal.aborted) return null;
    if (/^\d+$/.test(typed) && options[Number(typed) - 1] !== undefined) return Number(typed) - 1;
    say(`${JSON.stringify(typed)} is none of them. ${question}`);
  }
  return null;
}

const itemsOf = ({ coins, currencies }: Universe): UniverseItem[] => [
  ...coins.map((coin) => ({ kind: 'coin' as const, ...coin })),
  ...currencies.map((currency) => ({ kind: 'currency' as const, ...currency })),
];

const universeOf = (items: readonly UniverseItem[]): Universe => ({
  coins: items.flatMap(({ kind, ...item }) => ('id' in item ? [item] : [])),
  currencies: items.flatMap(({ kind, ...item }) => ('code' in item ? [item] : [])),
});

const countSeries = ({ coins, currencies }: Universe): number => coins.length * currencies.length;

const isAmong = (item: UniverseItem, items: readonly UniverseItem[]): boolean =>
  items.some((one) => keyOf(one) === keyOf(item));

const keyOf = (item: UniverseItem): string => (item.kind === 'coin' ? `coin:${item.id}` : `currency:${item.code}`);

function notListed(word: string, { coins }: Universe): UsageError {
  const near = coins.find(({ id }) => id === findUnknown([word], coins)?.meant);
  return new UsageError(
    `CoinGecko lists no coin and no currency ${show(word)}; the nearest coin is ${near && nameText({ kind: 'coin', ...near })}. ` +
      "A coin's id stands on its page on coingecko.com, as API ID.",
  );
}

function notTracked(word: string, listed: Universe): UsageError {
  const unknown = findUnknown([word], [...listed.coins, ...codesOf(listed)]);
  return new UsageError(`${show(word)} is not tracked; the nearest that is: ${unknown?.meant}.`);
}
