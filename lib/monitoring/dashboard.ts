import { Duration } from 'aws-cdk-lib';
import {
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type IWidget,
  type Metric,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { resourceName, type StackConfig } from '../stage-config.ts';
import type { Alarms } from './alarms.ts';
import { HOURLY, type Watched } from './watched.ts';

const WIDTH = 24;

/** A run's story from top to bottom. */
const CHAPTERS = {
  Called: 'The schedule calls the endpoint; the endpoint queues a run.',
  Queued: 'One run at a time. What gives up ends in a dead-letter queue.',
  'Worked on': 'Hops of the worker, and what the runs came to.',
  Fetched: 'What CoinGecko was asked for, and how it took it.',
  Stored: 'Days expected, stored and missing; what the quality rules found.',
  Fresh: 'How old the newest prices are, in hours.',
  Database: 'Whether it keeps up.',
} as const;

export interface Graph {
  readonly chapter: keyof typeof CHAPTERS;
  readonly title: string;
  /** The dashboard shows them by the hour. */
  readonly metrics: readonly Metric[];
}

export const graph = (chapter: Graph['chapter'], title: string, ...metrics: readonly Metric[]): Graph => ({
  chapter,
  title,
  metrics,
});

const dashboardName = (config: StackConfig): string => resourceName(config, 'runs');

/** @returns a page of CloudWatch's console. The region may be a token. */
export const consoleLink = (region: string, page: string): string =>
  `https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}#${page}`;

export const dashboardLink = (region: string, config: StackConfig): string =>
  consoleLink(region, `dashboards/dashboard/${dashboardName(config)}`);

export interface DashboardProps {
  readonly config: StackConfig;
  readonly alarms: Alarms;
  /** Their graphs stand side by side in this order, each in its chapter. */
  readonly watched: readonly Watched[];
}

export function createDashboard(scope: Construct, id: string, { config, alarms, watched }: DashboardProps): void {
  const graphs = watched.flatMap((one) => one.graphs?.() ?? []);
  const chapters = Object.entries(CHAPTERS).flatMap(([chapter, text], index) => [
    [new TextWidget({ markdown: `## ${index + 1}. ${chapter}\n${text}`, width: WIDTH, height: 2 })],
    row(graphs.filter((one) => one.chapter === chapter)),
  ]);
  new Dashboard(scope, id, {
    dashboardName: dashboardName(config),
    defaultInterval: Duration.days(14),
    widgets: [
      [new AlarmStatusWidget({ title: 'Alarms', alarms: alarms.alarms, width: WIDTH, height: 4 })],
      ...chapters,
    ],
  });
}

const row = (graphs: readonly Graph[]): IWidget[] =>
  graphs.map(
    ({ title, metrics }) =>
      new GraphWidget({
        title,
        left: metrics.map((metric) => metric.with(HOURLY)),
        width: Math.floor(WIDTH / graphs.length),
        height: 6,
      }),
  );
