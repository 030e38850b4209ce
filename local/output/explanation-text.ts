import { seriesName } from '../../ingestion/domain/series.ts';
import type { ExplainedRow } from '../../ingestion/explain-stored.ts';
import { tableText } from './outcome-text.ts';

/** @returns how one daily price came about, for people. */
export function explanationText(row: ExplainedRow): string {
  return [
    ...answerLines(row),
    ...verdictLines(row),
    ...row.revisions.map(
      ({ revision, average, replacedAt }) => `Revision ${revision}: the average ${average} stood until ${replacedAt}.`,
    ),
    ...(row.absence
      ? [
          `${row.absence.confirmedRunId ? 'Unavailable' : 'Unconfirmed'}: ${row.absence.reason} (run ${row.absence.firstRunId})`,
        ]
      : []),
  ].join('\n');
}

function answerLines({ answer, explanation }: ExplainedRow): string[] {
  if (!answer || !explanation) return [];
  return [
    `Answer ${answer.id} of run ${answer.runId}, received ${answer.receivedAt}, for ${answer.windowFrom} to ${answer.windowTo}.`,
    `SHA-256 ${answer.sha256}: ${answer.isIntact ? 'the stored body is intact' : 'THE STORED BODY HAS CHANGED SINCE'}.`,
    tableText(
      ['hour', '>samples', '>mean'],
      explanation.hours.map(({ hour, samples, mean }) => [
        `${String(hour).padStart(2, '0')}:00`,
        String(samples.length),
        String(mean),
      ]),
    ),
    ...explanation.rejected.map(
      ({ observedAt, price, reason }) => `Rejected: ${price} at ${new Date(observedAt).toISOString()} (${reason}).`,
    ),
    `Mean of the ${explanation.hours.length} hours: ${explanation.meanOfHours ?? 'none'}.`,
  ];
}

function verdictLines(row: ExplainedRow): string[] {
  const { stored, answer, aggregationVersion } = row;
  const name = `${seriesName(row)} on ${row.day}`;
  if (!stored) return [`Nothing is stored of ${name}. npm run status shows which days are.`];
  const was = `${name}: stored average ${stored.average}, ${stored.isFinal ? 'final' : 'not final'}, run ${stored.runId}.`;
  if (!answer) return [was, 'Its answer is not kept any more: answers are kept for 90 days.'];
  if (!row.explanation?.price) return [was, 'Its answer makes no price of this day.'];
  if (row.differences.length === 0) return [was, 'The answer comes to the same, to the last digit.'];
  return [
    was,
    ...row.differences.map(
      ({ field, stored: is, explained }) => `${field}: stored ${is}, from the answer ${explained}.`,
    ),
    aggregationVersion.stored !== null && aggregationVersion.stored < aggregationVersion.current
      ? `The row was made by version ${aggregationVersion.stored} of the rules, today's is ${aggregationVersion.current}: npm run recompute renews it.`
      : 'The row differs though the rules are the same: it was changed by hand, or the answer was.',
  ];
}
