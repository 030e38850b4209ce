import { TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { functionLog } from '../house-rules.ts';
import { critical, graph, HOURLY, LEAST, MOST, SUM, Watched, warning } from '../monitoring/watched.ts';
import type { StackConfig } from '../stage-config.ts';

/** A thin day becomes final 72 h after its end at the earliest. The run itself gets 2 h. */
const PRICE_AGE_BESIDE_INTERVAL_HOURS = 72 + 2;

/** How many hours beyond the schedule's longest interval may pass without a complete run. */
const SILENCE_BESIDE_INTERVAL_HOURS = 2;

/** What runs come to: their verdicts, what they fetch and store, and how old it leaves the prices. */
export class RunResults extends Watched {
  constructor(scope: Construct, id: string, config: StackConfig) {
    super(scope, id, config, [functionLog(config, 'worker')]);
  }

  override alarms() {
    const { schedule } = this.config;
    return [
      ...(schedule ? this.freshness(Math.ceil(schedule.longestIntervalMinutes / 60)) : []),
      critical('run-partial', this.measured('runsPartial'), {
        meaning:
          'A run ended for good with expected days missing: retries could not help, or did not. Its verdict says which days, and why.',
      }),
      critical('error-findings', this.measured('errorFindings'), {
        meaning: 'A quality rule found prices that cannot be right, such as one currency sent for another.',
      }),
      warning('credits-short', this.measured('creditsSpare', LEAST).with(HOURLY), {
        meaning: 'Fewer credits are left this month than its scheduled runs still need.',
        rings: ['below', 0],
        missing: TreatMissingData.IGNORE,
      }),
    ];
  }

  private freshness(intervalHours: number) {
    const silentHours = intervalHours + SILENCE_BESIDE_INTERVAL_HOURS;
    const staleHours = intervalHours + PRICE_AGE_BESIDE_INTERVAL_HOURS;
    return [
      critical('no-complete-run', this.measured('fullRunsComplete').with(HOURLY), {
        meaning: `No full run has been complete for ${silentHours} hours: either none ran, or each left days missing.`,
        logs: [functionLog(this.config, 'trigger'), ...this.logs],
        rings: ['below', 1],
        periods: silentHours,
        missing: TreatMissingData.BREACHING,
      }),
      critical('prices-stale', this.measured('priceAgeHours', LEAST).with(HOURLY), {
        meaning: `The newest day that is final in every series ended over ${staleHours} hours ago: some series is falling behind.`,
        rings: ['above', staleHours],
        // Nothing is measured between runs, and nothing gets better.
        missing: TreatMissingData.IGNORE,
      }),
    ];
  }

  override graphs() {
    type Name = Parameters<typeof this.measured>[0];
    const all = (statistics: typeof SUM, ...names: Name[]) => names.map((name) => this.measured(name, statistics));
    return [
      graph('Worked on', 'Verdicts', ...all(SUM, 'runsComplete', 'runsPartial', 'runsFailed', 'runsWaiting')),
      graph('Fetched', 'Requests', ...all(SUM, 'requests', 'retries', 'rateLimited')),
      graph('Fetched', 'Credits', ...all(LEAST, 'creditsLeft', 'creditsSpare')),
      graph('Stored', 'Days', ...all(MOST, 'daysExpected', 'daysStored', 'daysMissing')),
      graph('Stored', 'Rows written', ...all(SUM, 'rowsWritten')),
      graph('Stored', 'Findings that alarm', ...all(SUM, 'errorFindings')),
      graph('Fresh', 'Newest final day', ...all(LEAST, 'priceAgeHours')),
      graph('Fresh', 'Last complete run', ...all(LEAST, 'hoursSinceComplete')),
    ];
  }
}
