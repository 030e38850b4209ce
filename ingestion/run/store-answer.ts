import { SourceError } from '../domain/failure.ts';
import { seriesName } from '../domain/series.ts';
import type { AggregatedAnswer } from './aggregate-answer.ts';
import { failWithoutRate, type Hop } from './hop.ts';
import { addReference } from './references.ts';

/**
 * Stores all that an answer comes to, then counts it and compares it.
 * @throws SourceError for an answer that the database refuses, or that is empty; LockLostError.
 */
export async function storeAnswer(
  { request: { series, gapDays }, toStore, hourlyMeans, reference, withoutRate }: AggregatedAnswer,
  hop: Hop,
): Promise<void> {
  const { run, deps, rows, currencies, references } = hop;
  // Another ingestion may be working by now.
  run.lock.lost.throwIfAborted();
  const { id, rowsWritten, rowsUnchanged, rowsDerived } = await deps.repositories.prices.storeAnswer(toStore);
  rows.written += rowsWritten;
  rows.unchanged += rowsUnchanged;
  rows.derived += rowsDerived;
  currencies.add(series, gapDays, hourlyMeans);
  if (reference) addReference(references, series.currency, { id, ...reference });
  for (const one of withoutRate) failWithoutRate(hop, one);
  // It is stored like any other: what it proves is judged when the run ends.
  if (toStore.sampleCount === 0) {
    const message = `CoinGecko's answer for ${seriesName(series)} has no prices; hourly ones were expected`;
    throw new SourceError('empty', message, { status: 200 });
  }
  deps.onEvent({ kind: 'answered', series, rowsWritten });
}
