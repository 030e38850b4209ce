import { text } from 'node:stream/consumers';
import { expect, test } from '@jest/globals';
import pg from 'pg';
import type { Rows, TextRow } from '../../ingestion/database/read-rows.ts';
import { csvChunks, jsonChunks, rowsTable, widened } from '../../local/output/rows-text.ts';

const { BOOL, INT8, FLOAT8, NUMERIC, TEXT, JSONB } = pg.types.builtins;

const rowsOf = (fields: Readonly<Record<string, number>>, ...batches: TextRow[][]): Rows => ({
  fields: Object.entries(fields).map(([name, type]) => ({ name, type })),
  batches: (async function* () {
    yield* batches;
  })(),
});

test('CSV has lines that end in LF, and quotes where they are needed', async () => {
  const rows = rowsOf(
    { name: TEXT, 'a,b': BOOL },
    [['plain', 't']],
    [
      ['x"y', 'f'],
      ['1,2', null],
      ['two\nlines', null],
      ['', null],
      [null, null],
    ],
  );
  expect(await text(csvChunks(rows))).toBe('name,"a,b"\nplain,true\n"x""y",false\n"1,2",\n"two\nlines",\n"",\n,\n');
});

test('no text is a formula where spreadsheets open it, and every number stays one', async () => {
  const rows = () =>
    rowsOf({ text: TEXT, price: NUMERIC, count: INT8 }, [
      ...['=1+1', '+1', '-1', '@a', '\ta', 'a=1', "'a", ''].map((value) => [value, '-1.5', '-1']),
      [null, null, null],
    ]);
  const lines = (csv: string) => csv.split('\n').slice(1, -1);
  const numbers = ',-1.5,-1';
  expect(lines(await text(csvChunks(rows(), { isForSpreadsheets: true })))).toEqual([
    ...["'=1+1", "'+1", "'-1", "'@a", "'\ta", 'a=1', "'a", '""'].map((value) => value + numbers),
    ',,',
  ]);
  expect(lines(await text(csvChunks(rows())))[0]).toBe(`=1+1${numbers}`);
});

test('widened rows have a line for each day, over all batches, and null where a series has no price', async () => {
  const rows = rowsOf(
    { day: 1082, series: TEXT, price: NUMERIC },
    [['2026-01-01', 'b/usd', '1.50']],
    [
      ['2026-01-01', 'a/usd', '2'],
      ['2026-01-03', 'a/usd', '3'],
    ],
  );
  expect(await text(csvChunks(widened(rows, ['a/usd', 'b/usd'])))).toBe(
    'day,a/usd,b/usd\n2026-01-01,2,1.50\n2026-01-03,3,\n',
  );
  expect(await text(csvChunks(widened(rowsOf({ day: 1082 }), [])))).toBe('day\n');
});

test('JSON is one list over all batches, with every digit kept', async () => {
  const rows = rowsOf(
    { price: NUMERIC, count: INT8, share: FLOAT8, known: BOOL, request: JSONB, ids: 1016, 'na"me': TEXT },
    [['0.10', '9007199254740993', '1e-07', 't', '{"from": null}', '{1,NULL}', 'a"b']],
    [['NaN', '2', 'NaN', null, null, null, '']],
  );
  const document = await text(jsonChunks(rows));
  expect(document).toContain('"count":9007199254740993,');
  expect(JSON.parse(document)).toEqual([
    {
      price: '0.10',
      count: 9007199254740992,
      share: 1e-7,
      known: true,
      request: { from: null },
      ids: [1, null],
      'na"me': 'a"b',
    },
    { price: 'NaN', count: 2, share: 'NaN', known: null, request: null, ids: null, 'na"me': '' },
  ]);
});

test('without a row JSON is an empty list, and CSV a heading', async () => {
  expect(await text(jsonChunks(rowsOf({ day: TEXT })))).toBe('[]\n');
  expect(await text(csvChunks(rowsOf({ day: TEXT })))).toBe('day\n');
});

test('a table aligns numbers to the right, and shows what is not there', async () => {
  expect(
    await rowsTable(
      rowsOf({ coin: TEXT, price: NUMERIC }, [
        ['bitcoin', '1.5'],
        ['doge', null],
      ]),
      null,
    ),
  ).toBe(
    [
      '┌─────────┬───────┐',
      '│ coin    │ price │',
      '├─────────┼───────┤',
      '│ bitcoin │   1.5 │',
      '│ doge    │     – │',
      '└─────────┴───────┘',
      '2 rows.',
    ].join('\n'),
  );
});

test('a table that is wider than the terminal becomes a line for each value', async () => {
  const rows = () =>
    rowsOf({ coin: TEXT, average: NUMERIC }, [
      ['bitcoin', '1.5'],
      ['doge', '2'],
    ]);
  expect(await rowsTable(rows(), 21)).toContain('│ bitcoin │');
  expect(await rowsTable(rows(), 20)).toBe('coin     bitcoin\naverage  1.5\n\ncoin     doge\naverage  2\n2 rows.');
});

test('a table ends after a thousand rows, and reads no further', async () => {
  let batches = 0;
  const endless: Rows = {
    fields: [{ name: 'n', type: INT8 }],
    batches: (async function* () {
      for (;;) {
        batches += 1;
        yield Array.from({ length: 600 }, (_, index) => [String(index)]);
      }
    })(),
  };
  const lines = (await rowsTable(endless, null)).split('\n');
  expect(lines.at(-1)).toBe('The first 1,000 rows. --csv and --json write all of them.');
  expect({ lines: lines.length, batches }).toEqual({ lines: 1_005, batches: 2 });
});
