import { LineChart } from 'echarts/charts';
import { GridComponent } from 'echarts/components';
import type { EChartsCoreOption } from 'echarts/core';
import * as echarts from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { Day } from '../ingestion/domain/day.ts';
import { formatAxisPrice, formatShortDay } from './format.ts';
import { type Html, trusted } from './html.ts';
import type { ReportPrice } from './report-data.ts';

echarts.use([LineChart, GridComponent, SVGRenderer]);

/** Colours are the page's CSS variables, so that one drawing serves the light and the dark page. */
const ACCENT = 'var(--accent)';

type Prices = readonly (ReportPrice | null)[];

/** About how many days an axis names. */
const AXIS_LABELS = 6;

/**
 * The daily averages of one series as a line within the band from low to high. Days without a row interrupt it; a
 * provisional day is a ring.
 * @param id unique in the page: the drawing's own ids begin with it.
 */
export function priceChart(id: string, days: readonly Day[], prices: Prices): Html {
  const step = Math.max(1, Math.ceil(days.length / AXIS_LABELS));
  const isRow = (index: number): boolean => (prices[index] ?? null) !== null;
  return draw(
    id,
    { width: 760, height: 330 },
    {
      grid: { left: 62, right: 6, top: 12, bottom: 28 },
      xAxis: {
        type: 'category',
        data: [...days],
        boundaryGap: false,
        axisTick: { show: false },
        axisLine: { lineStyle: { color: 'var(--line)' } },
        axisLabel: {
          // Counted back from today, and half a step off the edges, where a label would be cut.
          interval: (index: number) => (days.length - 1 - index) % step === Math.floor(step / 2),
          formatter: formatShortDay,
          color: 'var(--muted)',
          margin: 12,
        },
      },
      yAxis: {
        type: 'value',
        scale: true,
        splitNumber: 4,
        splitLine: { lineStyle: { color: 'var(--line)' } },
        // From the left edge, so that long and enlarged labels run into the plot and not out of the card.
        axisLabel: { align: 'left', margin: 60, color: 'var(--muted)', formatter: formatAxisPrice },
      },
      series: [
        band(
          prices.map((price) => price?.low ?? null),
          0,
        ),
        band(
          prices.map((price) => (price === null ? null : price.high - price.low)),
          0.16,
        ),
        {
          ...line(ACCENT, 2.5),
          showSymbol: true,
          showAllSymbol: true,
          data: prices.map((price, index) => ({
            value: price?.average ?? null,
            symbol: price === null || (price.isFinal && (isRow(index - 1) || isRow(index + 1))) ? 'none' : 'circle',
            symbolSize: 7,
            itemStyle: {
              color: price?.isFinal ? ACCENT : 'var(--surface)',
              borderColor: ACCENT,
              borderWidth: 2,
            },
          })),
        },
      ],
    },
  );
}

/** The averages alone, without axes, in the text's colour. */
export const sparkline = (id: string, prices: Prices): Html =>
  draw(
    id,
    { width: 120, height: 32 },
    {
      grid: { left: 2, right: 2, top: 3, bottom: 3 },
      xAxis: { type: 'category', show: false, boundaryGap: false, data: prices.map((_, index) => index) },
      yAxis: { type: 'value', show: false, min: 'dataMin', max: 'dataMax' },
      series: [{ ...line('currentColor', 1.75), data: prices.map((price) => price?.average ?? null) }],
    },
  );

const LABEL = /<text[\s\S]*?<\/text>/g;

const line = (color: string, width: number) => ({
  type: 'line',
  silent: true,
  showSymbol: false,
  clip: false,
  lineStyle: { color, width, join: 'round', cap: 'round' },
});

/** One layer of the stack low + (high − low), of which only the second is seen. */
const band = (data: readonly (number | null)[], opacity: number) => ({
  type: 'line',
  stack: 'band',
  stackStrategy: 'all',
  silent: true,
  showSymbol: false,
  clip: false,
  lineStyle: { width: 0 },
  areaStyle: opacity === 0 ? undefined : { color: ACCENT, opacity },
  data,
});

/**
 * ECharts numbers its ids and hover classes through all drawings of a process; here they are the page's own or gone, so
 * that the same data gives the same page.
 */
function draw(id: string, size: { width: number; height: number }, option: EChartsCoreOption): Html {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, ...size });
  try {
    chart.setOption({ animation: false, textStyle: { fontFamily: 'inherit', fontSize: 12 }, ...option });
    const svg = chart
      .renderToSVGString({ useViewBox: true })
      .replace(/<style[\s\S]*?<\/style>/g, '')
      .replace(/ (?:class|ecmeta_\w+|pointer-events|xmlns(?::xlink)?|xml:space|style|version|baseProfile)="[^"]*"/g, '')
      .replace(/<rect[^>]*fill="none"[^>]*><\/rect>\n?/, '')
      .replace(/\bzr\d+-/g, `${id}-`)
      .replace('<svg ', '<svg aria-hidden="true" ');
    // Labels last, so that no line is drawn across them.
    const labels = svg.match(LABEL)?.join('') ?? '';
    return trusted(svg.replace(LABEL, '').replace('</svg>', `${labels}</svg>`));
  } finally {
    chart.dispose();
  }
}
