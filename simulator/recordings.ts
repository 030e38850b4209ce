import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { type Chart, type Granularity, measuredGranularity, type Sample } from './chart.ts';

/** A series' recorded answers, joined by granularity; null for a series that was never recorded. */
export type Recordings = { find(coin: string, currency: string): ReadonlyMap<Granularity, Chart> | null };

const FILE_NAME = /^market_chart(?:_range)?\.(?<coin>[^.]+)\.(?<currency>[^.]+)\.(?:.*\.)?json$/;

const samples = z.array(z.tuple([z.number(), z.number().nullable()]));
const recording = z.object({ prices: samples, market_caps: samples, total_volumes: samples });

async function readRecording(path: string): Promise<Chart> {
  const text = await readFile(path, 'utf8');
  const refuse = (found: string, cause: unknown): never => {
    throw new Error(`${path} is no recorded market_chart answer, {"prices":[[ms, price], …], …}: ${found}`, { cause });
  };
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    return refuse(String(error), error);
  }
  const { success, data, error } = recording.safeParse(content);
  if (success) return data;
  const [issue] = error.issues;
  return refuse(`${issue?.message} at ${issue?.path.join('.')}`, error);
}

/** Of two samples of the same moment the first stays. The order is that of the recordings, tails included. */
function addSamples(known: readonly Sample[], more: readonly Sample[]): Sample[] {
  const moments = new Set(known.map(([at]) => at));
  return [...known, ...more.filter(([at]) => !moments.has(at))];
}

const listFolder = (folder: string): Promise<string[]> =>
  readdir(folder).catch((cause: Error) => {
    throw new Error(`${folder} cannot be read as a folder of recordings: ${cause.message}`, { cause });
  });

/**
 * Reads the files named `market_chart.<coin>.<currency>.<anything>.json` or `market_chart_range.…`, and no others.
 * @throws Error when the folder can't be read or has no such file, or when a file is no recorded answer.
 */
export async function readRecordings(folder: string): Promise<Recordings> {
  const found = new Map<string, Map<Granularity, Chart>>();
  for (const name of (await listFolder(folder)).sort()) {
    const { coin, currency } = FILE_NAME.exec(name)?.groups ?? {};
    if (coin === undefined || currency === undefined) continue;
    const chart = await readRecording(join(folder, name));
    const key = `${coin}/${currency}`;
    const charts = found.get(key) ?? new Map<Granularity, Chart>();
    const granularity = measuredGranularity(chart.prices);
    const known = charts.get(granularity);
    charts.set(granularity, known ? joinCharts(known, chart) : chart);
    found.set(key, charts);
  }
  if (found.size === 0) {
    throw new Error(
      `${folder} holds no recording; expected files named market_chart.<coin>.<currency>.<anything>.json`,
    );
  }
  return { find: (coin, currency) => found.get(`${coin}/${currency}`) ?? null };
}

const joinCharts = (known: Chart, more: Chart): Chart => ({
  prices: addSamples(known.prices, more.prices),
  market_caps: addSamples(known.market_caps, more.market_caps),
  total_volumes: addSamples(known.total_volumes, more.total_volumes),
});
