import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { composeClient } from '../../../ingestion/compose-run.ts';
import { codesOf, findUnknown, nearest } from '../../../ingestion/contract/nearest.ts';
import { show } from '../../../ingestion/contract/show.ts';
import type { Universe } from '../../../ingestion/contract/universe-schema.ts';
import { systemClock } from '../../../ingestion/system-clock.ts';
import { addedText, checkedText, itemText, nameText, removedText, universeText } from '../../output/universe-text.ts';
import { chooseByNumber } from '../ask.ts';
import { askPatiently } from '../ask-patiently.ts';
import { type CommandContext, defineCommand, EXIT, JSON_OPTION, type Outcome } from '../command.ts';
import { compareUniverse } from '../compare-universe.ts';
import { keyOf, type UniverseItem, withItem, withoutItem } from '../edit-universe.ts';
import { currencyName, findListed, type Listed } from '../find-listed.ts';
import { UsageError } from '../usage-error.ts';
import { writeAtomically } from '../write-file.ts';

const ACTIONS = { add, remove, list, check };
type Action = keyof typeof ACTIONS;
const NAMES = Object.keys(ACTIONS) as [Action, ...Action[]];

/** More of one symbol are not read. Dozens of coins share one. */
const MOST_CHOICES = 20;

export const universe = defineCommand({
  summary: 'Change what is tracked, or compare it with what CoinGecko lists: add, remove, list or check.',
  positionals: ['<add|remove|list|check>', '[coins-and-currencies...]'],
  options: JSON_OPTION,
  async run(context, _options, [action, words]) {
    const name = NAMES.find((known) => known === action);
    if (name === undefined)
      throw new UsageError(`universe can't ${show(action)}; did you mean ${nearest(action, NAMES)}?`);
    const takesWords = name === 'add' || name === 'remove';
    if (takesWords && words.length === 0)
      throw new UsageError(`${name} what? A coin's id or symbol, or a currency: npm run universe -- ${name} pepe jpy`);
    if (!takesWords && words.length > 0)
      throw new UsageError(
        `${name} takes no coins or currencies; found ${words.map((word) => show(word)).join(', ')}.`,
      );
    return await ACTIONS[name](context, words);
  },
});

/** All that are named are added, or none. */
async function add(context: CommandContext, words: readonly string[]): Promise<Outcome> {
  const { universe, universeFile: file } = context.settings;
  const listed = await readListed(context);
  const added: UniverseItem[] = [];
  const known: UniverseItem[] = [];
  for (const { word, fitting } of findAll(words, listed, notListed)) {
    const tracked = fitting.find((item) => [...itemsOf(universe), ...added].some((one) => isSame(one, item)));
    if (tracked) known.push(tracked);
    else added.push(await chooseOne(word, fitting, context));
  }
  if (added.length > 0) {
    const text = await readFile(file, 'utf8');
    await writeAtomically(file, Readable.from([added.reduce(withItem, text)]));
  }
  const coins = universe.coins.length + added.filter(({ kind }) => kind === 'coin').length;
  const currencies = universe.currencies.length + added.filter(({ kind }) => kind === 'currency').length;
  const newSeries = coins * currencies - universe.coins.length * universe.currencies.length;
  return {
    exitCode: EXIT.complete,
    document: { file, added, alreadyTracked: known, newSeries },
    text: addedText({ file, added, known, newSeries, coins, currencies }),
  };
}

/** All that are named are removed, or none. */
async function remove(context: CommandContext, words: readonly string[]): Promise<Outcome> {
  const { universe, universeFile: file } = context.settings;
  const removed: UniverseItem[] = [];
  for (const { word, fitting } of findAll(words, universe, notTracked)) {
    const item = await chooseOne(word, fitting, context);
    if (!removed.some((one) => isSame(one, item))) removed.push(item);
  }
  for (const kind of ['coin', 'currency'] as const)
    if (itemsOf(universe).every((item) => item.kind !== kind || removed.some((one) => isSame(one, item))))
      throw new UsageError(`That would leave no ${kind}; a universe has at least one. Add another one first.`);
  const text = await readFile(file, 'utf8');
  await writeAtomically(file, Readable.from([removed.reduce(withoutItem, text)]));
  return { exitCode: EXIT.complete, document: { file, removed }, text: removedText(file, removed) };
}

async function list({ settings: { universe, universeFile: file } }: CommandContext): Promise<Outcome> {
  return { exitCode: EXIT.complete, document: { file, ...universe }, text: universeText(file, universe) };
}

/** Exits 1 where something differs, and 2, as `diff` does, where CoinGecko could not be asked. */
async function check(context: CommandContext): Promise<Outcome> {
  const { universe, universeFile: file } = context.settings;
  const listed = await readListed(context);
  const differences = compareUniverse(
    universe,
    listed.coins,
    listed.currencies.map(({ code }) => code),
  );
  return {
    exitCode: differences.length === 0 ? EXIT.complete : EXIT.incomplete,
    document: { coins: universe.coins.length, currencies: universe.currencies.length, differences },
    text: checkedText(file, universe, differences),
  };
}

/** @throws SourceError when CoinGecko doesn't answer; the signal's reason at Ctrl-C. */
async function readListed({ settings, terminal, interrupt }: CommandContext): Promise<Listed> {
  const client = composeClient(settings.source, systemClock);
  const patience = { clock: systemClock, interrupt, note: terminal.note };
  const coins = await askPatiently(client.listCoins, patience);
  const codes = await askPatiently(client.listCurrencies, patience);
  return {
    // The file takes no empty text.
    coins: coins.map(({ id, symbol, name }) => ({ id, symbol: symbol || id, name: name || id })),
    currencies: codes.map((code) => ({ code, name: currencyName(code) })),
  };
}

type Found = { readonly word: string; readonly fitting: readonly [UniverseItem, ...UniverseItem[]] };

/** Before anybody is asked: a word that fits nothing ends it all. */
function findAll(
  words: readonly string[],
  listed: Listed,
  refuse: (word: string, listed: Listed) => UsageError,
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
  { terminal, interrupt }: CommandContext,
): Promise<UniverseItem> {
  if (fitting.length === 1) return fitting[0];
  const more = fitting.length - MOST_CHOICES;
  const lines = fitting.slice(0, MOST_CHOICES).map(itemText);
  const rest = more > 0 ? [`… and ${more} more, whose ids are longer: see coingecko.com`] : [];
  const title = `${show(word)} fits ${fitting.length}:`;
  if (terminal.live === null || !process.stdin.isTTY)
    throw new UsageError([`${title} name one of them.`, ...lines.map((line) => `  ${line}`), ...rest].join('\n'));
  const choice = await chooseByNumber([title, ...rest].join(' '), lines, {
    input: process.stdin,
    say: terminal.note,
    signal: interrupt,
  });
  interrupt.throwIfAborted();
  const chosen = choice === null ? undefined : fitting[choice];
  if (chosen === undefined) throw new UsageError('None was chosen; nothing was changed.');
  return chosen;
}

const itemsOf = ({ coins, currencies }: Universe): UniverseItem[] => [
  ...coins.map((coin) => ({ kind: 'coin' as const, ...coin })),
  ...currencies.map((currency) => ({ kind: 'currency' as const, ...currency })),
];

const isSame = (one: UniverseItem, other: UniverseItem): boolean =>
  one.kind === other.kind && keyOf(one) === keyOf(other);

function notListed(word: string, { coins }: Listed): UsageError {
  const near = coins.find(({ id }) => id === findUnknown([word], coins)?.meant);
  return new UsageError(
    `CoinGecko lists no coin and no currency ${show(word)}; the nearest coin is ${near && nameText({ kind: 'coin', ...near })}. ` +
      "A coin's id stands on its page on coingecko.com, as API ID.",
  );
}

function notTracked(word: string, listed: Listed): UsageError {
  const unknown = findUnknown([word], [...listed.coins, ...codesOf(listed)]);
  return new UsageError(`${show(word)} is not tracked; the nearest that is: ${unknown?.meant}.`);
}
