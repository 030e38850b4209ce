import { seriesName } from '../../ingestion/domain/series.ts';
import type { Recomputed } from '../../ingestion/replay/recompute-days.ts';
import { formatQuantity } from './format.ts';

/** @returns what became of the rows of older rules, for people. */
export function recomputedText({
  outdated,
  renewed,
  averagesMoved,
  largestMove,
  kept,
  withoutAnswer,
  untried,
}: Recomputed): string {
  if (outdated === 0) return 'Every row was made by the rules of today; nothing was written.';
  return [
    `${formatQuantity(renewed, 'row')} of ${formatQuantity(outdated, 'row')} of older rules renewed.`,
    largestMove === null
      ? 'No average moved.'
      : `${formatQuantity(averagesMoved, 'average')} moved, at most by ${(largestMove.share * 100).toPrecision(3)} %: ` +
        `${seriesName(largestMove)} on ${largestMove.day}.`,
    ...leftLines('Kept, since the rules of today make no better row of their answers', kept),
    ...leftLines('Kept, since their answers are not stored any more as they were received', withoutAnswer),
    ...(untried > 0
      ? [`Interrupted: ${formatQuantity(untried, 'row')} not tried. npm run recompute goes on from here.`]
      : []),
    ...(kept.length + withoutAnswer.length > 0
      ? ['To fetch them again: npm run backfill -- --from DAY --to DAY --coin ID --currency CODE --refetch']
      : []),
  ].join('\n');
}

const leftLines = (reason: string, left: Recomputed['kept']): string[] =>
  left.length === 0
    ? []
    : [
        `${reason}:`,
        ...left.map(
          (series) =>
            `  ${seriesName(series)}: ${series.spans.map(({ first, last }) => (first === last ? first : `${first} to ${last}`)).join(', ')}`,
        ),
      ];
