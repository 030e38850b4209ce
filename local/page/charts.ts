import { scaleLinear } from 'd3-scale';
import { area, line } from 'd3-shape';
import type { StoredDailyPrice } from '../../ingestion/database/prices.ts';
import type { Day } from '../../ingestion/domain/day.ts';
import { formatAxisPrice, formatMonth, formatShortDay } from '../output/format.ts';
import { type Html, html } from './html.ts';

/** The prices of consecutive days; null, where a day has no row, interrupts the lines. */
type Prices = readonly (StoredDailyPrice | null)[];

/**
 * A drawing is stretched to the room it gets, so these only say how fine its grid is. Its labels are text beside it,
 * which keeps its size.
 */
const WIDTH = 1000;
const HEIGHT = 400;
const GRID_LINES = 4;
const DAY_LABELS = 5;

/** Labels of longer charts name months. */
const MAX_DAYS_BY_DAY = 200;

/**
 * The daily averages of one series as a line within the band from low to high. Days without a row interrupt it. A ring
 * marks a provisional day, a dot a final one that has no neighbour to draw a line to.
 */
export function priceChart(days: readonly Day[], prices: Prices): Html {
  const drawn = prices.filter((price) => price !== null);
  const x = scaleLinear([0, prices.length - 1], [0, WIDTH]);
  const y = scaleLinear(
    [Math.min(...drawn.map(({ low }) => low)), Math.max(...drawn.map(({ high }) => high))],
    [HEIGHT, 0],
  ).nice(GRID_LINES);
  const ticks = y.ticks(GRID_LINES).map((price) => ({ top: share(y(price), HEIGHT), label: formatAxisPrice(price) }));
  const gutter = Math.max(...ticks.map(({ label }) => label.length));

  const band = area<Prices[number]>()
    .defined((price) => price !== null)
    .x((_, index) => x(index))
    .y0((price) => y(price?.low ?? 0))
    .y1((price) => y(price?.high ?? 0))
    .digits(1);
  /** Lines without length: their round ends are the dots. */
  const dots = (isWanted: (isFinal: boolean, index: number) => boolean) =>
    prices
      .map((price, index) =>
        price !== null && isWanted(price.isFinal, index)
          ? `M${x(index).toFixed(1)},${y(price.average).toFixed(1)}h0`
          : '',
      )
      .join('');
  const isAlone = (index: number) => (prices[index - 1] ?? null) === null && (prices[index + 1] ?? null) === null;
  const provisional = dots((isFinal) => !isFinal);

  return html`<div class="plot" style="--gutter:${gutter}ch">
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true"><path class="band" d="${band(prices)}"/>
<path class="average" d="${averageLine(prices, x, y)}"/>
<path class="dot" d="${dots((isFinal, index) => isFinal && isAlone(index))}"/>
<path class="ring" d="${provisional}"/><path class="hole" d="${provisional}"/></svg>
${ticks.map(({ top, label }) => html`<span class="price" style="top:${top}">${label}</span>`)}
${dayLabels(days).map(
  ({ label, index }) => html`<span class="day" style="left:${share(x(index), WIDTH)}">${label}</span>`,
)}</div>`;
}

/** The averages alone, without axes, in the text's colour. */
export function sparkline(prices: Prices): Html {
  const averages = prices.flatMap((price) => price?.average ?? []);
  const x = scaleLinear([0, prices.length - 1], [0, WIDTH]);
  const y = scaleLinear([Math.min(...averages), Math.max(...averages)], [HEIGHT, 0]);
  return html`<svg class="spark" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">
<path d="${averageLine(prices, x, y)}"/></svg>`;
}

type Scale = (value: number) => number;

const averageLine = (prices: Prices, x: Scale, y: Scale): string | null =>
  line<Prices[number]>()
    .defined((price) => price !== null)
    .x((_, index) => x(index))
    .y((price) => y(price?.average ?? 0))
    .digits(1)([...prices]);

/** Counted back from today, and half a step off the edges, where a label would be cut. */
function dayLabels(days: readonly Day[]): { label: string; index: number }[] {
  const step = Math.ceil(days.length / DAY_LABELS);
  const format = days.length > MAX_DAYS_BY_DAY ? formatMonth : formatShortDay;
  return days
    .map((day, index) => ({ day, index }))
    .filter(({ index }) => (days.length - 1 - index) % step === Math.floor(step / 2))
    .map(({ day, index }) => ({ label: format(day), index }));
}

const share = (place: number, whole: number): string => `${((100 * place) / whole).toFixed(2)}%`;
