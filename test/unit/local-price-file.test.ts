import { describe, expect, test } from '@jest/globals';
import { parsePriceFile, type Reading } from '../../local/cli/price-file.ts';

const YESTERDAY = '2026-03-14';
const parse = (text: string | Uint8Array, reading: Reading = {}) =>
  parsePriceFile(typeof text === 'string' ? new TextEncoder().encode(text) : text, reading, YESTERDAY);

const TWO_DAYS = [
  { day: '2026-01-01', price: '1.50' },
  { day: '2026-01-02', price: '2' },
];

describe('what files look like', () => {
  test.each([
    ['a plain one', 'day,price\n2026-01-01,1.50\n2026-01-02,2\n'],
    ['one without an end of its last line', 'day,price\n2026-01-01,1.50\n2026-01-02,2'],
    ['one of Windows', 'day,price\r\n2026-01-01,1.50\r\n2026-01-02,2\r\n'],
    ['one with both ends of lines', 'day,price\r\n2026-01-01,1.50\n2026-01-02,2\r\n'],
    ['one with a byte-order mark', '\ufeffday,price\n2026-01-01,1.50\n2026-01-02,2\n'],
    ['semicolons', 'Day;Price\n2026-01-01;1.50\n2026-01-02;2\n'],
    ['tabs', 'Day\tPrice\n2026-01-01\t1.50\n2026-01-02\t2\n'],
    ['quotes', '"day","price"\n"2026-01-01","1.50"\n"2026-01-02","2"\n'],
    ['spaces around', ' day , price \n 2026-01-01 , 1.50\n2026-01-02 ,2 \n'],
    ['empty lines', '\nday,price\n\n2026-01-01,1.50\n  \n,,\n2026-01-02,2\n\n'],
    ['other columns', 'open,date,close\n"1,000",2026-01-01,1.50\n"a ""b"";",2026-01-02,2\n'],
    ['no heading', '2026-01-01,1.50\n2026-01-02,2\n'],
    ['no heading, price first', '1.50;2026-01-01\n2;2026-01-02\n'],
    ["CoinGecko's own", 'snapped_at,price,market_cap\n2026-01-01 00:00:00 UTC,1.50,9\n2026-01-02 00:00:00 UTC,2,9\n'],
    ['moments in UTC', 'time,value\n2026-01-01T23:59:59.999Z,1.50\n2026-01-02T00:00:00+00:00,2\n'],
    ['moments elsewhere', 'time,value\n2025-12-31T23:00:00-02:00,1.50\n2026-01-03 01:30 +0200,2\n'],
    ['moments that name no zone', 'time,value\n2026-01-01 00:00:00,1.50\n2026-01-02T23:30,2\n'],
  ])('%s', (_, text) => {
    expect(parse(text).prices).toEqual(TWO_DAYS);
  });

  test('the surest column is taken, and told', () => {
    expect(parse('date,close,price\n2026-01-01,9,1.50\n2026-01-02,9,2\n')).toEqual({
      columns: { day: 'date', price: 'price' },
      prices: TWO_DAYS,
      warnings: [],
    });
  });

  test('columns are named by their headings, whatever their letters, or by their numbers', () => {
    const text = 'When,Price,Last\n2026-01-01,9,1.50\n2026-01-02,9,2\n';
    expect(parse(text, { day: 'when', price: 'LAST' })).toMatchObject({ columns: { day: 'When' }, prices: TWO_DAYS });
    const bare = text.slice(text.indexOf('\n') + 1);
    expect(parse(bare, { price: '3' })).toMatchObject({ columns: { day: '1', price: '3' }, prices: TWO_DAYS });
  });

  test.each<[string, string, Reading?]>([
    ['a separator that is named', 'sep=;\nday;price\n2026-01-01;1.50\n2026-01-02;2\n'],
    [
      'an address and a disclaimer',
      'www.prices.example\nNo advice, no promise, "as is"\nday;price\n2026-01-01;1.50\n2026-01-02;2',
    ],
    ['a disclaimer above lines without a heading', 'No advice\n2026-01-01,1.50\n2026-01-02,2\n'],
    ['no heading and five columns', '2026-01-01,9,9,9,1.50\n2026-01-02,9,9,9,2\n', { day: '1', price: '5' }],
    ['values that are numbers of columns', '2026-01-01,1,2,1.50\n2026-01-02,1,4,2\n', { day: '1', price: '4' }],
    ['both', 'A, b and c\n1;9;2026-01-01;1.50\n1;9;2026-01-02;2\n', { day: '3', price: '4' }],
    [
      'numbers of columns where there is a heading',
      'When,Last\n2026-01-01,1.50\n2026-01-02,2\n',
      { day: '1', price: '2' },
    ],
    ['a decimal comma', 'day;price\n2026-01-01;1,50\n2026-01-02;2\n', { decimal: ',' }],
    ['a decimal comma without a heading', '2026-01-01;1,50\n2026-01-02;2,\n'.replace('2,', '2'), { decimal: ',' }],
    ['German days', 'day;price\n01.01.2026;1,50\n2.1.2026;2\n', { decimal: ',', dayFormat: 'DD.MM.YYYY' }],
    ['American days', '01/01/2026,1.50\n1/2/2026,2\n', { dayFormat: 'MM/DD/YYYY' }],
    ['days without a sign between', '20260101,1.50\n20260102,2\n', { dayFormat: 'YYYYMMDD' }],
  ])('%s', (_, text, reading = {}) => {
    expect(parse(text, reading).prices).toEqual(TWO_DAYS);
  });

  test.each<[string, string, Reading['decimal'], string]>([
    ['thousands with a point', '"33.500,25"', ',', '33500.25'],
    ['thousands alone', '33.500', ',', '33500'],
    ['millions', '1.234.567', ',', '1234567'],
    ['a point that is said to be one', '33.500', '.', '33.500'],
    ['thousands with a comma', '"33,500.25"', '.', '33500.25'],
    ['thousands of Switzerland', "33'500.25", '.', '33500.25'],
    ['a point that can be nothing else', '0.500', undefined, '0.500'],
    ['too many digits for thousands', '33500.125', undefined, '33500.125'],
  ])('%s', (_, found, decimal, price) => {
    expect(parse(`day,price\n2026-01-01,${found}\n`, { decimal }).prices).toEqual([{ day: '2026-01-01', price }]);
  });

  test('a point with three digits is one where another price shows it', () => {
    expect(parse('day,price\n2026-01-01,33.500\n2026-01-02,33.51\n').prices).toMatchObject([
      { price: '33.500' },
      { price: '33.51' },
    ]);
  });

  test('midnights with an offset of their own are told', () => {
    const file = parse('time,value\n2026-01-02T00:00:00+02:00,1\n2026-01-03 00:00 +0200,2\n');
    expect(file.prices).toEqual([
      { day: '2026-01-01', price: '1' },
      { day: '2026-01-02', price: '2' },
    ]);
    expect(file.warnings).toEqual([
      expect.stringMatching(/^2 days of the file begin .* 2026-01-02T00:00:00\+02:00 is the UTC day 2026-01-01\./),
    ]);
    expect(parse('time,value\n2026-01-02T00:00:00Z,1\n2026-01-03T02:00+02:00,1\n').warnings).toEqual([]);
  });

  test('prices keep their digits', () => {
    const price = '0.000000000000000000012345678901234567890';
    expect(parse(`day,price\n2026-01-01,${price}\n2026-01-02,1.5E-7`).prices).toMatchObject([
      { price },
      { price: '1.5E-7' },
    ]);
  });
});

describe('every bad line is named, with what was found', () => {
  test.each([
    ['another order of day and month', '31.01.2026,1', 'the day is "31.01.2026"; it takes one like 2026-01-31 or'],
    ['an American day', '01/31/2026,1', 'the day is "01/31/2026"; it takes'],
    ['UNIX seconds', '1767225600,1', 'the day is "1767225600"; it takes'],
    ['a day that does not exist', '2026-02-30,1', 'the day is "2026-02-30"; it takes'],
    ['an hour that does not exist', '2026-01-01T25:00Z,1', 'the day is "2026-01-01T25:00Z"; it takes'],
    ['no day', ',1', 'the day is ""; it takes'],
    [
      'today, which is not over',
      '2026-03-15,1',
      '2026-03-15 is not over yet; the last day that it takes is 2026-03-14 (UTC).',
    ],
    ['a day to come', '2026-03-16,1', '2026-03-16 is not over yet'],
    ['a moment whose UTC day is not over', '2026-03-14T23:30:00-02:00,1', '2026-03-15 is not over yet'],
    ['no price', '2026-01-05,', 'the price is ""; it takes digits with a point, like 67000.25; see --decimal.'],
    ['a negative price', '2026-01-05,-1', 'the price is "-1"; it takes digits'],
    ['a price of nothing', '2026-01-05,0.00', 'the price is "0.00"; it takes more than zero.'],
    ['a decimal comma', '2026-01-05,"1,5"', 'the price is "1,5"; it takes digits'],
    ['separated thousands', '2026-01-05,"1,000.5"', 'the price is "1,000.5"; it takes digits'],
    ['a sign of a currency', '2026-01-05,$15', 'the price is "$15"; it takes digits'],
    ['no number', '2026-01-05,NaN', 'the price is "NaN"; it takes digits'],
    ['more than numeric holds', '2026-01-05,1e999', 'the price is "1e999"; it takes digits'],
    ['a field too many', '2026-01-05,1,2', 'it has 3 fields, the table has 2.'],
    ['a field too few', '2026-01-05', 'it has 1 fields, the table has 2.'],
    ['a day that was there', '2026-01-01,1', '2026-01-01 is already in line 2; it takes one price a UTC day.'],
    ['another moment of such a day', '2026-01-01T12:00Z,1', '2026-01-01 is already in line 2'],
  ])('%s', (_, line, problem) => {
    expect(() => parse(`day,price\n2026-01-01,1\n\n${line}\n2026-01-02,1\n`)).toThrow(
      `1 of 3 lines of prices can't be imported, so nothing was:\nLine 4: ${problem}`,
    );
  });

  test('twenty of them, and all are counted', () => {
    const lines = Array.from({ length: 25 }, (_, index) => `2026-01-01,${-index}`);
    const message = messageOf(() => parse(['day,price', ...lines, '2026-01-02,1'].join('\n')));
    expect(message.split('\n')).toHaveLength(22);
    expect(message).toMatch(/^25 of 26 lines of prices .*\nLine 2: (.|\n)*\n… and 5 more\.$/);
  });

  test('a line is the line of the file, also behind a field of several lines', () => {
    expect(() => parse('day,note,price\n2026-01-01,"a\nb",1\n2026-01-02,c,x\n')).toThrow('\nLine 4: the price is "x"');
  });
});

describe('a file is refused as a whole', () => {
  test.each([
    ['that is empty', '', 'The file is empty; it takes a line for each day.'],
    ['of empty lines', '\n\n', 'The file is empty'],
    ['of a heading', 'day,price\n', 'The file has a heading and no more'],
    [
      'without a column of days',
      'when,price\n2026,1\n',
      'The file has no column day, date, snapped_at, timestamp, time, datetime or timeopen; it has "when", "price". Name the right one with --day-column.',
    ],
    ['without a column of prices', 'day,last\nx,1\n', 'Name the right one with --price-column.'],
    [
      'without a heading, and with many columns',
      '2026-01-01,1,2\n',
      'The file has no heading; its columns are "1", "2", "3". Name the right one with --price-column.',
    ],
    ['with a quote that never ends', 'day,price\n2026-01-01,"1\n', 'The file is no CSV. Quote Not Closed'],
    ['in UTF-16', new Uint8Array(Buffer.from('\ufeffday,price\n', 'utf16le')), 'The file is not in UTF-8'],
  ])('%s', (_, text, message) => {
    expect(() => parse(text)).toThrow(message);
  });

  test.each<[string, string, Reading, string]>([
    ['of ambiguous prices', 'day,price\n2026-01-01,33.500\n', {}, 'it may be 33500 or 33.5: say which with --decimal'],
    [
      'of points where a comma was said',
      'day,price\n2026-01-01,33.51\n',
      { decimal: ',' },
      'like 67000,25; see --decimal.',
    ],
    [
      'of commas where a point was said',
      'day,price\n2026-01-01,"33,51"\n',
      { decimal: '.' },
      'like 67000.25; see --decimal.',
    ],
    ['whose days are other ones', 'day,price\n2026-01-31,1\n', { dayFormat: 'DD.MM.YYYY' }, 'the day is "2026-01-31"'],
    [
      'with days that do not exist',
      'day,price\n31.02.2026,1\n',
      { dayFormat: 'DD.MM.YYYY' },
      'the day is "31.02.2026"',
    ],
    [
      'with half a format',
      'day,price\n',
      { dayFormat: 'DD.MM.YY' },
      '--day-format is "DD.MM.YY"; it takes DD, MM and YYYY',
    ],
    [
      'with one column for both',
      'day,price\n2026-01-01,1\n',
      { price: 'day' },
      '"day" can\'t hold both days and prices',
    ],
    ['with one number for both', '2026-01-01,1\n', { day: '1', price: '1' }, '"1" can\'t hold both'],
  ])('%s', (_, text, reading, message) => {
    expect(() => parse(text, reading)).toThrow(message);
  });

  test('where a column that was named is not there', () => {
    expect(() => parse('day,price\n2026-01-01,1\n', { price: 'last' })).toThrow(
      'The file has no column "last"; it has "day", "price". Name the right one with --price-column.',
    );
    expect(() => parse('2026-01-01,1\n', { price: '3' })).toThrow(
      'The file has no heading; its columns are "1", "2". Name the right one with --price-column.',
    );
  });
});

function messageOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return (error as Error).message;
  }
  return 'nothing was thrown';
}
