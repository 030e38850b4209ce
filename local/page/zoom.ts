import type { Day } from '../../ingestion/domain/day.ts';
import { formatCount } from '../output/format.ts';
import { type Html, html } from './html.ts';
import type { ReportData } from './page-data.ts';

/** How far back the page looks. @property start the index of its first day in the report's days. */
export type Zoom = { readonly label: string; readonly name: string; readonly start: number };

const SPANS = [30, 90, 365];

/** The page doesn't open further back than that. */
const OPENING_SPAN = 90;

/** @returns the spans that show less than all days, shortest first, and then all. Each has today besides. */
export function zoomsOf(days: readonly Day[]): Zoom[] {
  const before = days.length - 1;
  const spans = SPANS.filter((span) => span < before).map((span) => ({
    label: `${span} days`,
    name: `the last ${span} days and today`,
    start: before - span,
  }));
  return [...spans, { label: `All ${formatCount(days.length)} days`, name: 'all days with prices', start: 0 }];
}

/**
 * @returns the option that the page opens with: the longest up to a quarter in which at least half of the days have a
 * price of some series. A few old days that were fetched by hand so don't leave the charts nearly empty.
 */
export function openingZoom(zooms: readonly Zoom[], { days, series }: ReportData): number {
  const hasPrice = days.map((_, index) => series.some(({ prices }) => (prices[index] ?? null) !== null));
  const isGood = ({ start }: Zoom): boolean => {
    const shown = hasPrice.slice(start);
    return shown.length <= OPENING_SPAN + 1 && 2 * shown.filter(Boolean).length >= shown.length;
  };
  return Math.max(0, zooms.findLastIndex(isGood));
}

/** What zooms that show the same days have in common. @property options their indices, as the page marks them. */
export type View = { readonly start: number; readonly options: string };

/** @param first the index of the first day that has something to show: no view begins earlier. */
export function viewsOf(zooms: readonly Zoom[], first: number): View[] {
  const starts = zooms.map(({ start }) => Math.max(start, first));
  return [...new Set(starts)].map((start) => ({
    start,
    options: starts.flatMap((one, option) => (one === start ? [option] : [])).join(' '),
  }));
}

/** Shows each view's content while one of its zooms is chosen. */
export const perView = (views: readonly View[], content: (view: View) => Html): Html[] =>
  views.map((view) => html`<div data-zoom="${view.options}">${content(view)}</div>`);
