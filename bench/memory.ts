import type { Measure } from './measure.ts';
import { runBundled } from './run-bundled.ts';
import { universeOf } from './universe-of.ts';
import { withSimulator } from './with-simulator.ts';

/** (d) Peak memory of the program alone, bundled, with answers as fast as they are stored. */
export const memory: Measure = async ({ makeDatabase, sharedFolder }) => {
  const peakOf = (seriesCount: number) =>
    withSimulator({ seriesCount }, async (sourceUrl) => {
      const options = { databaseUrl: await makeDatabase(), sourceUrl, requestsPerMinute: 1_000_000 };
      return (await runBundled(sharedFolder, { ...options, universe: universeOf(seriesCount) })).peakMiB;
    });
  const [few, many, most] = [await peakOf(44), await peakOf(500), await peakOf(2_000)];
  return [
    ['peak memory, 44 series × 30 days (at most 160 MiB)', `${few.toFixed(0)} MiB`],
    ['peak memory, 500 series × 30 days', `${many.toFixed(0)} MiB`],
    ['peak memory, 2,000 series × 30 days', `${most.toFixed(0)} MiB (ratio to 500: ${(most / many).toFixed(2)})`],
  ];
};
