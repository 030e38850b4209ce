import { DAY_MS, type Day, endOf, HOUR_MS, type Instant, startOf } from './day.ts';
import { SURROUNDINGS_MS } from './outliers.ts';
import { type CrossRateBase, type Series, seriesName, sourcesOf } from './series.ts';

/**
 * CoinGecko picks the granularity by the span: hourly from over 1 day to 90 days, one point a day beyond. 72 h and an
 * hour less than 90 days keep clear of both edges.
 */
const MIN_WINDOW_MS = 72 * HOUR_MS;
const MAX_WINDOW_MS = 90 * DAY_MS - HOUR_MS;

/** The half-open span of time `[from, to)` that one request asks for. */
export type Window = { readonly from: Instant; readonly to: Instant };

/** One request to come: the window, and the gap days that it is made for, ascending. */
export type PlannedWindow = { readonly window: Window; readonly gapDays: readonly [Day, ...Day[]] };

/**
 * The fewest requests that cover the gap days with the surroundings that they are judged by: each takes in as many as it can.
 * @param gapDays ascending, without repeats; all over at `now`.
 * @param now where windows end at the latest.
 */
export function planWindows(gapDays: readonly Day[], now: Instant, historyDays: number): PlannedWindow[] {
  const planned: PlannedWindow[] = [];
  for (const day of gapDays) {
    const before = planned.at(-1);
    const joined = before && windowAround(before.gapDays[0], day, now, historyDays);
    if (before && joined && joined.to - joined.from <= MAX_WINDOW_MS)
      planned[planned.length - 1] = { window: joined, gapDays: [...before.gapDays, day] };
    else planned.push({ window: windowAround(day, day, now, historyDays), gapDays: [day] });
  }
  return planned;
}

function windowAround(first: Day, last: Day, now: Instant, historyDays: number): Window {
  // A day whose surroundings have left the plan's history while it waited is asked for as far as it can be had.
  const earliest = Math.min(startOf(first), now - historyDays * DAY_MS);
  const to = Math.min(endOf(last) + SURROUNDINGS_MS, Math.max(endOf(last), Math.floor(now / 1000) * 1000));
  return { from: Math.max(Math.min(startOf(first) - SURROUNDINGS_MS, to - MIN_WINDOW_MS), earliest), to };
}

/** A series and the days that it lacks, ascending. */
export type SeriesGaps = { readonly series: Series; readonly gapDays: readonly Day[] };

/**
 * One request to make.
 * @property serves the series that rows are made for, with their own gap days: the one that is asked for first, which may
 * lack nothing itself, then those that are derived from it.
 * @property isReference whether others are derived with its answer, which must come before theirs.
 */
export type PlannedRequest = PlannedWindow & {
  readonly series: Series;
  readonly serves: readonly [SeriesGaps, ...SeriesGaps[]];
  readonly isReference: boolean;
};

type PlanOptions = {
  readonly now: Instant;
  readonly historyDays: number;
  readonly base: CrossRateBase | null;
  /** Whether an answer for that series and day is stored already by this run. */
  readonly hasReference?: (series: Series, day: Day) => boolean;
};

/** The fewest requests for what the series lack, longest-stale first; the reference's before all, where prices are derived. */
export function planRequests(gaps: readonly SeriesGaps[], options: PlanOptions): PlannedRequest[] {
  const { now, historyDays, base, hasReference = () => false } = options;
  const needs = new Map<string, { series: Series; days: Set<Day>; serves: SeriesGaps[] }>();
  const needOf = (series: Series) => {
    const need = needs.get(seriesName(series)) ?? { series, days: new Set<Day>(), serves: [] };
    needs.set(seriesName(series), need);
    return need;
  };
  for (const one of gaps) {
    if (one.gapDays.length === 0) continue;
    const [asked, ...references] = sourcesOf(one.series, base);
    const need = needOf(asked);
    need.serves.push(one);
    for (const day of one.gapDays) need.days.add(day);
    for (const reference of references)
      for (const day of one.gapDays) if (!hasReference(reference, day)) needOf(reference).days.add(day);
  }
  const requests = [...needs.values()].flatMap(({ series, days, serves }) =>
    planWindows([...days].sort(), now, historyDays).map((planned): PlannedRequest => {
      const inWindow = new Set(planned.gapDays);
      const served = serves.map((one) => ({ ...one, gapDays: one.gapDays.filter((day) => inWindow.has(day)) }));
      const isOwn = (one: SeriesGaps) => seriesName(one.series) === seriesName(series);
      const own = served.find(isOwn) ?? { series, gapDays: [] };
      const derived = served.filter((one) => !isOwn(one) && one.gapDays.length > 0);
      return { ...planned, series, serves: [own, ...derived], isReference: base?.coin === series.coin };
    }),
  );
  const ageOf = ({ isReference, gapDays }: PlannedRequest) => `${isReference ? 0 : 1} ${gapDays[0]}`;
  return requests.sort((one, other) => (ageOf(one) < ageOf(other) ? -1 : ageOf(one) > ageOf(other) ? 1 : 0));
}
