import { TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { functionLog } from '../house-rules.ts';
import {
  type AlarmRow,
  critical,
  graph,
  HOURLY,
  LEAST,
  MOST,
  programMetric,
  type Watched,
  warning,
} from '../monitoring/watched.ts';
import type { StackConfig } from '../stage-config.ts';

/** A thin day becomes final 72 h after its end at the earliest. The run itself gets 2 h. */
const PRICE_AGE_BESIDE_INTERVAL_HOURS = 72 + 2;

/** How many hours beyond the schedule's longest interval may pass without a complete run. */
const SILENCE_BESIDE_INTERVAL_HOURS = 2;

/** What runs come to: their verdicts, what they fetch and store, and how old it leaves the prices. */
export function runResults(config: StackConfig): Required<Watched> {
  const logs = [functionLog(config, 'worker')];
  const metric = (name: Parameters<typeof programMetric>[1], statistics?: typeof MOST) =>
    programMetric(config, name, statistics);

  function freshness(longestIntervalMinutes: number): AlarmRow[] {
    const intervalHours = Math.ceil(longestIntervalMinutes / 60);
    const silentHours = intervalHours + SILENCE_BESIDE_INTERVAL_HOURS;
    const staleHours = intervalHours + PRICE_AGE_BESIDE_INTERVAL_HOURS;
    return [
      critical(
        'no-complete-run',
        `No full run has been complete for ${silentHours} hours: either none ran, or each left days missing.`,
        metric('fullRunsComplete').with(HOURLY),
        {
          logs: [functionLog(config, 'trigger'), ...logs],
          rings: ['below', 1],
          periods: silentHours,
          missing: TreatMissingData.BREACHING,
        },
      ),
      critical(
        'prices-stale',
        `The newest day that is final in every series ended over ${staleHours} hours ago: some series is falling behind.`,
        metric('priceAgeHours', LEAST).with(HOURLY),
        {
          rings: ['above', staleHours],
          // Nothing is measured between runs, and nothing gets better.
          missing: TreatMissingData.IGNORE,
        },
      ),
    ];
  }

  return {
    logs,
    alarms: () => [
      ...(config.schedule ? freshness(config.schedule.longestIntervalMinutes) : []),
      critical(
        'run-partial',
        'A run ended for good with expected days missing: retries could not help, or did not. Its verdict says which days, and why.',
        metric('runsPartial'),
      ),
      critical(
        'error-findings',
        'A quality rule found prices that cannot be right, such as one currency sent for another.',
        metric('errorFindings'),
      ),
      warning(
        'credits-short',
        'Fewer credits are left this month than its scheduled runs still need.',
        metric('creditsSpare', LEAST).with(HOURLY),
        { rings: ['below', 0], missing: TreatMissingData.IGNORE },
      ),
    ],
    graphs: () => [
      graph(
        'Worked on',
        'Verdicts',
        metric('runsComplete'),
        metric('runsPartial'),
        metric('runsFailed'),
        metric('runsWaiting'),
      ),
      graph('Fetched', 'Requests', metric('requests'), metric('retries'), metric('rateLimited')),
      graph('Fetched', 'Credits', metric('creditsLeft', LEAST), metric('creditsSpare', LEAST)),
      graph('Stored', 'Days', metric('daysExpected', MOST), metric('daysStored', MOST), metric('daysMissing', MOST)),
      graph('Stored', 'Rows written', metric('rowsWritten')),
      graph('Stored', 'Findings that alarm', metric('errorFindings')),
      graph('Fresh', 'Newest final day', metric('priceAgeHours', LEAST)),
      graph('Fresh', 'Last complete run', metric('hoursSinceComplete', LEAST)),
    ],
  };
}
