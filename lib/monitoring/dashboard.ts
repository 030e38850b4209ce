import { Duration } from 'aws-cdk-lib';
import { AlarmStatusWidget, Dashboard, GraphWidget, type IAlarm, TextWidget } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { resourceName, type StackConfig } from '../stage-config.ts';
import { CHAPTERS, HOURLY, type Watched } from './watched.ts';

const WIDTH = 24;

const dashboardName = (config: StackConfig): string => resourceName(config, 'runs');

/** @returns a page of CloudWatch's console. The region may be a token. */
export const consoleLink = (region: string, page: string): string =>
  `https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}#${page}`;

export const dashboardLink = (region: string, config: StackConfig): string =>
  consoleLink(region, `dashboards/dashboard/${dashboardName(config)}`);

/** @param watched have their graphs side by side in this order, each in its chapter. */
export function createDashboard(
  scope: Construct,
  config: StackConfig,
  alarms: readonly IAlarm[],
  watched: readonly Watched[],
): void {
  const graphs = watched.flatMap((one) => one.graphs?.() ?? []);
  const chapters = Object.entries(CHAPTERS).flatMap(([chapter, text], index) => {
    const shown = graphs.filter((one) => one.chapter === chapter);
    return [
      [new TextWidget({ markdown: `## ${index + 1}. ${chapter}\n${text}`, width: WIDTH, height: 2 })],
      shown.map(({ title, metrics }) => {
        const left = metrics.map((metric) => metric.with(HOURLY));
        return new GraphWidget({ title, left, width: Math.floor(WIDTH / shown.length), height: 6 });
      }),
    ];
  });
  const overview = new AlarmStatusWidget({ title: 'Alarms', alarms: [...alarms], width: WIDTH, height: 4 });
  new Dashboard(scope, 'Dashboard', {
    dashboardName: dashboardName(config),
    defaultInterval: Duration.days(14),
    widgets: [[overview], ...chapters],
  });
}
