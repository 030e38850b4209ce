import { KEPT_DAYS } from '../../ingestion/contract/limits.ts';
import type { DailyPrice } from '../../ingestion/domain/daily-price.ts';
import type { Instant } from '../../ingestion/domain/day.ts';
import { seriesName } from '../../ingestion/domain/series.ts';
import type { ExplainedAnswer, ExplainedRow, Explanation } from '../../ingestion/replay/explain-day.ts';
import type { Recomputed } from '../../ingestion/replay/recompute-days.ts';
import { formatQuantity } from './format.ts';
import { tableText } from './outcome-text.ts';

/** Of an hour with more samples the table shows only how many; `--json` has them all. */
const MOST_SAMPLES = 3;

export function explanationText(row: ExplainedRow): string {
  return [
    ...answerLines(row),
    ...verdictLines(row),
    ...row.revisions.map(
      ({ revision, average, aggregationVersion, replacedAt }) =>
        `Revision ${revision}: the average ${average} (rules of version ${aggregationVersion}) stood until ${replacedAt}.`,
    ),
    ...(row.absence
      ? [
          `${row.absence.confirmedRunId ? 'Unavailable' : 'Unconfirmed'}: ${row.absence.reason} (run ${row.absence.firstRunId})`,
        ]
      : []),
  ].join('\n');
}

function answerLines({ answer, references, explanation, currency }: ExplainedRow): string[] {
  if (!answer) return [];
  return [
    ...answerText(answer, references.length > 0 ? ` for ${seriesName(answer)}` : ''),
    ...references.flatMap((reference) => answerText(reference, ` for ${seriesName(reference)}`)),
    ...(references.length > 0
      ? [
          `Each sample in ${answer.currency} times the rate of the nearest moment that the references have in ${currency} and in ${answer.currency}:`,
        ]
      : []),
    ...(explanation ? explanationLines(explanation) : []),
  ];
}

const answerText = (answer: ExplainedAnswer, of: string): string[] => [
  `Answer ${answer.id}${of} of run ${answer.runId}, received ${answer.receivedAt}, for ${answer.windowFrom} to ${answer.windowTo}.`,
  `SHA-256 ${answer.sha256}: ${answer.isIntact ? 'the stored body is intact' : 'THE STORED BODY IS ANOTHER ONE'}.`,
];

function explanationLines({ hours, rejected, meanOfHours, price }: Explanation): string[] {
  return [
    ...(hours.length > 0 ? [hoursTable(hours)] : []),
    ...rejected.map(
      (sample) => `Rejected: ${sample.price ?? 'no price'} at ${timeOf(sample.observedAt)} (${sample.reason}).`,
    ),
    ...(meanOfHours === null
      ? ['No sample of the day is counted.']
      : [`Mean of the ${hours.length} hours: ${meanOfHours}.`]),
    ...(price ? priceLines(price, meanOfHours) : []),
  ];
}

const hoursTable = (hours: Explanation['hours']): string =>
  tableText(
    ['hour', '>samples', '>mean', 'price at (UTC)'],
    hours.map(({ hour, samples, mean }) => [
      `${String(hour).padStart(2, '0')}:00`,
      String(samples.length),
      String(mean),
      samples.length > MOST_SAMPLES
        ? 'in --json'
        : samples.map(({ at, price }) => `${price} at ${timeOf(at)}`).join(', '),
    ]),
  );

function priceLines(price: DailyPrice, meanOfHours: number | null): string[] {
  const { open, high, low, close, average, firstSampleAt, lastSampleAt, volume, marketCap } = price;
  return [
    ...(average === meanOfHours ? [] : [`Kept within low and high, that is an average of ${average}.`]),
    `Open ${open} at ${timeOf(firstSampleAt)}, high ${high}, low ${low}, close ${close} at ${timeOf(lastSampleAt)}.`,
    `Of the last sample: volume ${volume ?? 'unknown'}, market cap ${marketCap ?? 'unknown'}.`,
  ];
}

/** @returns the time of the day to the millisecond: `23:00:01.482`. */
const timeOf = (at: Instant): string => new Date(at).toISOString().slice(11, -1);

function verdictLines(row: ExplainedRow): string[] {
  const { stored, answer, explanation, aggregationVersion } = row;
  const name = `${seriesName(row)} on ${row.day}`;
  if (!stored) return [`Nothing is stored of ${name}. ${reasonForNothing(row)}`];
  const was =
    `${name}: stored average ${stored.average}, ${stored.isFinal ? 'final' : 'not final'}, run ${stored.runId}, ` +
    `rules of version ${stored.aggregationVersion}.`;
  if (!answer) return [was, `Its answer is not kept any more: answers are kept for ${KEPT_DAYS} days.`];
  if (!explanation)
    return [was, 'It can be neither explained nor recomputed: its answer was changed after it was stored.'];
  if (!explanation.price) return [was, 'Its answer makes no price of this day.'];
  if (row.differences.length === 0) return [was, 'The answer matches exactly.'];
  return [
    was,
    ...row.differences.map(
      ({ field, stored: is, explained }) => `${field}: stored ${is}, from the answer ${explained}.`,
    ),
    stored.aggregationVersion < aggregationVersion.current
      ? `The row was made by version ${stored.aggregationVersion} of the rules, today's is ${aggregationVersion.current}: npm run recompute renews it.`
      : 'The row differs though the rules are the same: it was changed by hand.',
  ];
}

function reasonForNothing({ answer, explanation }: ExplainedRow): string {
  if (!answer) return 'No answer that was asked for it is kept. npm run status shows which days are missing.';
  if (!explanation) return 'The latest answer that was asked for it was changed after it was stored.';
  if (explanation.price) return 'The latest answer that was asked for it makes a price: the row was removed by hand.';
  return 'The latest answer that was asked for it makes no price.';
}

export function recomputedText(recomputed: Recomputed): string {
  const { outdated, renewed, averagesMoved, largestMove, untried } = recomputed;
  if (outdated === 0) return 'Every row was made by the rules of today; nothing was written.';
  return [
    `${formatQuantity(renewed, 'row')} of ${formatQuantity(outdated, 'row')} of older rules renewed.`,
    largestMove === null
      ? 'No average moved.'
      : `${formatQuantity(averagesMoved, 'average')} moved, at most by ${(largestMove.share * 100).toPrecision(3)} %: ` +
        `${seriesName(largestMove)} on ${largestMove.day}.`,
    ...leftLines('The rules of today make no better row of their answers', recomputed.kept),
    ...leftLines('Their answers end too near to the day to tell faults from moves', recomputed.undecided),
    ...leftLines('Their answers are no longer stored as they were received', recomputed.withoutAnswer),
    ...(untried > 0
      ? [`Interrupted: ${formatQuantity(untried, 'row')} not tried. npm run recompute goes on from here.`]
      : []),
  ].join('\n');
}

/** With the commands that fetch them again. */
const leftLines = (reason: string, left: Recomputed['kept']): string[] => [
  ...(left.length === 0 ? [] : [`${reason}, so these rows stay. To fetch them again:`]),
  ...left.flatMap(({ coin, currency, spans }) =>
    spans.map(
      ({ first, last }) =>
        `  npm run backfill -- --from ${first} --to ${last} --coin ${coin} --currency ${currency} --refetch`,
    ),
  ),
];
