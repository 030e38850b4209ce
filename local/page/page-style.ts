import { type Html, trusted } from './html.ts';

/**
 * The page's whole look. Text keeps a contrast of 4.5 : 1 in light and dark. Nothing rests on telling colours apart:
 * the statuses of coverage also differ in lightness and pattern, and a sign tells up from down.
 */
export const PAGE_STYLE: Html = trusted(`
:root {
  color-scheme: light dark;
  --page: #f4f6f9; --surface: #fff; --sunken: #f0f3f7; --line: #e1e6ed; --ink: #131a24; --muted: #566172;
  --accent: #1d63d1; --good: #0a6b52; --bad: #b3340c; --warn: #7d5200;
  --good-soft: #dff3ec; --bad-soft: #fce7df; --warn-soft: #fbefd0; --accent-soft: #e3edfc;
  --final: #2c6fbb; --provisional: #a9cdf2; --thin: #efb52f; --unavailable: #98a2af; --unconfirmed: #d9c3e8; --missing: #c63d0f;
  --mark: #fff; --hatch: rgb(255 255 255 / .65);
  --thumb: #8a96a6;
  --shadow: 0 1px 2px rgb(19 26 36 / .05), 0 4px 16px rgb(19 26 36 / .04);
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0b0f15; --surface: #141a23; --sunken: #1b2330; --line: #273140; --ink: #e9eef5; --muted: #9ba8b9;
    --accent: #6ea8ff; --good: #58cfa9; --bad: #ff9a76; --warn: #f2c14e;
    --good-soft: #12302a; --bad-soft: #3a1e16; --warn-soft: #352a10; --accent-soft: #17294a;
    --final: #3678c6; --provisional: #1d3f69; --thin: #d99f1d; --unavailable: #4a5566; --unconfirmed: #7b5a94; --missing: #ff6b3d;
    --mark: #141a23; --hatch: rgb(20 26 35 / .55);
    --thumb: #64748b;
    --shadow: none;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto,
  "Helvetica Neue", Arial, sans-serif; font-variant-numeric: tabular-nums; -webkit-text-size-adjust: 100%;
}
a { color: var(--accent); }
code { font: .92em ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; }
h1, h2, h3, p, dl, dd, figure { margin: 0; overflow-wrap: anywhere; }
h1 { font-size: 26px; line-height: 1.2; letter-spacing: -.02em; text-wrap: balance; }
h2 { font-size: 17px; letter-spacing: -.01em; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.wrap { max-width: 1240px; margin: 0 auto; padding: 28px 24px 40px; display: grid; gap: 20px;
  grid-template-columns: minmax(0, 1fr); }
.muted { color: var(--muted); }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.banner { background: var(--warn-soft); color: var(--warn); font-weight: 600; text-align: center; padding: 9px 24px; }
.head { display: flex; flex-wrap: wrap; gap: 12px 24px; align-items: end; justify-content: space-between; }
.card { background: var(--surface); border: 1px solid var(--line); border-radius: 14px; box-shadow: var(--shadow);
  padding: 20px; min-width: 0; }
.card > header { display: flex; flex-wrap: wrap; gap: 6px 20px; align-items: center; justify-content: space-between;
  margin-bottom: 14px; }
.card > header p { font-size: 13px; color: var(--muted); }

.pill { display: inline-flex; align-items: center; gap: .4em; padding: 2px 10px; border-radius: 99px; font-size: 13px;
  font-weight: 600; white-space: nowrap; background: var(--sunken); color: var(--muted); }
.pill::before { content: attr(data-sign); }
.pill.good { background: var(--good-soft); color: var(--good); }
.pill.bad { background: var(--bad-soft); color: var(--bad); }
.pill.warn { background: var(--warn-soft); color: var(--warn); }
.pill.busy { background: var(--accent-soft); color: var(--accent); }
.up { color: var(--good); } .down { color: var(--bad); } .flat { color: var(--muted); }

.tiles { display: grid; margin: 0; gap: 14px; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); }
.tile { padding: 15px 18px; display: flex; flex-direction: column; }
.tile dt { font-size: 13px; color: var(--muted); }
.tile dd { font-size: 24px; font-weight: 650; letter-spacing: -.02em; line-height: 1.3; }
.tile .note { font-size: 13px; font-weight: 400; letter-spacing: 0; line-height: 1.4; }
.tile .bad { color: var(--bad); } .tile .warn { color: var(--warn); }
.meter { display: block; height: 5px; border-radius: 9px; background: var(--sunken); margin: 5px 0 3px; overflow: hidden; }
.meter i { display: block; height: 100%; border-radius: 9px; background: var(--accent); }

.switch { display: inline-flex; flex-wrap: wrap; padding: 3px; border: 0; border-radius: 10px; background: var(--sunken); margin: 0; }
.switch label { position: relative; padding: 4px 14px; border-radius: 8px; font-size: 13px; font-weight: 600;
  color: var(--muted); cursor: pointer; }
.switch input, .coins input { position: absolute; inset: 0; opacity: 0; margin: 0; cursor: pointer; }
.switch label:has(:checked) { background: var(--surface); color: var(--ink); box-shadow: 0 1px 3px rgb(0 0 0 / .16); }
.switch label:has(:focus-visible) { outline: 2px solid var(--accent); outline-offset: 1px; }
.market { display: grid; grid-template-columns: minmax(0, 1fr) max-content; gap: 28px; align-items: start; }
.quote { display: flex; flex-wrap: wrap; align-items: baseline; gap: 2px 12px; }
.quote h3 { font-size: 15px; width: 100%; }
.quote h3 span { font-weight: 400; color: var(--muted); }
.quote strong { font-size: 32px; line-height: 1.25; letter-spacing: -.03em; }
.quote strong small { font-size: 15px; font-weight: 500; letter-spacing: 0; color: var(--muted); }
.chart { margin-top: 10px; font-size: 12px; color: var(--muted); }
.plot { position: relative; isolation: isolate; margin: 12px 6px 30px calc(var(--gutter) + 8px); height: 280px; }
.plot svg, .spark { display: block; width: 100%; height: 100%; overflow: visible; fill: none; stroke-linecap: round;
  stroke-linejoin: round; }
.plot path, .spark path { vector-effect: non-scaling-stroke; }
.plot .band { fill: var(--accent); opacity: .16; } .plot .average { stroke: var(--accent); stroke-width: 2.5; }
.plot .ring { stroke: var(--accent); stroke-width: 9; } .plot .hole { stroke: var(--surface); stroke-width: 5; }
.plot .dot { stroke: var(--accent); stroke-width: 7; }
.plot .price { position: absolute; left: calc(-8px - var(--gutter)); right: 0; line-height: 0; }
.plot .price::after { content: ""; position: absolute; left: calc(var(--gutter) + 8px); right: 0; z-index: -1;
  border-top: 1px solid var(--line); }
.plot .day { position: absolute; top: 100%; margin-top: 8px; transform: translateX(-50%); white-space: nowrap; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(120px, 1fr)); gap: 10px 18px; margin-top: 14px;
  padding-top: 14px; border-top: 1px solid var(--line); }
.facts dt { font-size: 12px; color: var(--muted); } .facts dd { font-size: 14px; font-weight: 600; }
input[type=search] { font: inherit; font-size: 13px; padding: 4px 12px; border: 1px solid var(--line); border-radius: 8px;
  background: var(--sunken); color: inherit; min-width: 0; }
.long { max-height: 640px; overflow-y: auto; }
.latest { margin-top: 2px; color: var(--muted); } .latest b { color: var(--ink); }
.note { font-size: 12px; color: var(--muted); margin-top: 4px; }

.scroll { overflow: auto hidden; overscroll-behavior-x: contain; }
/* A bar that stays, where the system would hide it: it tells that there is more. */
.scroll::-webkit-scrollbar { height: 8px; }
.scroll::-webkit-scrollbar-track { border-radius: 4px; background: var(--sunken); }
.scroll::-webkit-scrollbar-thumb { border-radius: 4px; background: var(--thumb); }
table { border-collapse: separate; border-spacing: 0; width: 100%; font-size: 14px; }
th, td { padding: 7px 10px; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; }
thead th { font-size: 12px; font-weight: 500; color: var(--muted); white-space: nowrap; vertical-align: bottom; }
tbody th { font-weight: 600; }
tbody tr:last-child > * { border-bottom: 0; }
.num { text-align: right; white-space: nowrap; }
.nowrap { white-space: nowrap; }
td.detail { min-width: 240px; }
/* Shortened to the eye only: a selection has all of it. */
.id { display: block; width: 10ch; line-height: 22px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; user-select: all;
  -webkit-user-select: all; }
.error td { padding-top: 0; color: var(--bad); font-size: 13px; overflow-wrap: anywhere; }
.above > * { border-bottom: 0; }
.coins th, .coins td { padding: 0 8px; height: 39px; vertical-align: middle; }
.coins thead th { height: 26px; }
.coins tbody tr { position: relative; }
.coins tbody tr:hover { background: var(--sunken); }
.coins tbody tr:has(:checked) { background: var(--accent-soft); }
.coins tbody tr:has(:focus-visible) { outline: 2px solid var(--accent); outline-offset: -2px; }
.coins th, .coins td { white-space: nowrap; }
.coins label { display: inline-block; max-width: 22ch; overflow: hidden; text-overflow: ellipsis; vertical-align: middle; }
.coins small { font-weight: 400; color: var(--muted); }
.coins td small { display: block; margin-top: -4px; font-size: 11px; line-height: 12px; }
.spark { width: 96px; height: 28px; margin-left: auto; stroke: currentColor; stroke-width: 1.75; }

.days { --day: var(--wide-day); width: calc(164px + var(--count) * var(--day)); table-layout: fixed; font-size: 12px;
  margin: 0 auto; }
.days th, .days td { padding: 0; height: 13px; line-height: 12px; border: 0; border-top: 1px solid var(--surface);
  white-space: nowrap; }
.days .coins-column { width: 84px; } .days .currencies-column { width: 36px; } .days .final-column { width: 44px; }
.days thead th { font-size: 11px; padding: 0 0 4px 2px; overflow: hidden; }
.days tbody th { position: sticky; background: var(--surface); z-index: 1; vertical-align: top; overflow: hidden;
  text-overflow: ellipsis; }
.days .coin { left: 0; padding-right: 8px; } .days .currency { left: 84px; font-weight: 400; color: var(--muted); }
.days tbody + tbody tr:first-child > * { border-top-width: 7px; height: 19px; background-clip: padding-box; }
.days td.num { padding-left: 10px; color: var(--muted); }
.rtl { direction: rtl; } .rtl > * { direction: ltr; }
.day-final, .day-provisional, .day-thin, .day-unconfirmed, .day-unavailable, .day-missing {
  background-size: calc(100% / var(--length, 1)) 100%;
  background-image: var(--pattern, none), linear-gradient(90deg, transparent calc(100% - 1px), var(--surface) 0); }
.day-final { background-color: var(--final); }
.day-provisional { background-color: var(--provisional);
  --pattern: linear-gradient(0deg, var(--final) 3px, transparent 0); }
.day-thin { background-color: var(--thin);
  --pattern: linear-gradient(0deg, transparent 45%, var(--surface) 0, var(--surface) 65%, transparent 0); }
.day-unconfirmed { background-color: var(--unconfirmed);
  --pattern: linear-gradient(135deg, transparent 44%, var(--hatch) 0 56%, transparent 0); }
.day-unavailable { background-color: var(--unavailable);
  --pattern: linear-gradient(135deg, transparent 38%, var(--hatch) 0 62%, transparent 0); }
.day-missing { background-color: var(--missing);
  --pattern: radial-gradient(circle, var(--mark) 2px, transparent 2.5px); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 13px; color: var(--muted); list-style: none;
  margin: 0; padding: 0; }
.legend i { display: inline-block; width: 20px; height: 12px; margin-right: 6px; vertical-align: -1px; }

.card > header p.good { color: var(--good); font-weight: 600; }
summary { cursor: pointer; font-size: 13px; color: var(--muted); margin-bottom: 8px; }

.empty { text-align: center; padding: 56px 24px; }
.empty h2 { font-size: 21px; } .empty p { max-width: 52ch; margin: 8px auto 0; color: var(--muted); }
.empty pre { display: inline-block; margin: 20px 0 4px; padding: 12px 20px; border-radius: 10px; background: var(--sunken);
  font-size: 15px; max-width: 100%; overflow-x: auto; }
footer { display: flex; flex-wrap: wrap; gap: 4px 24px; justify-content: space-between; font-size: 13px;
  color: var(--muted); }
@media (max-width: 1080px) { .tile { padding: 14px; } .tile dd { font-size: 20px; } .market { grid-template-columns: minmax(0, 1fr); } }
@media (max-width: 560px) {
  .wrap { padding: 20px 12px 32px; gap: 14px; } .card { padding: 16px 14px; border-radius: 12px; }
  .tiles { grid-template-columns: 1fr 1fr; gap: 10px; } .tile:last-child:nth-child(odd) { grid-column: 1 / -1; }
  .quote strong { font-size: 27px; } .plot { height: 200px; }
  .coins { font-size: 13px; } .coins thead th { white-space: normal; } .coins th, .coins td { padding: 0 4px; } .coins th small { display: none; }
  .days { --day: min(var(--wide-day), 9px); }
  .empty { padding: 40px 18px; } .spark { width: 60px; }
}
@media print {
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  @page { margin: 10mm; }
  body { background: none; }
  /* A sheet is narrower than the page is laid out for: smaller, it keeps its columns. */
  .wrap { zoom: .66; max-width: none; padding: 0; }
  .card { box-shadow: none; break-inside: avoid; padding: 16px; }
  .card:has(.days) { break-inside: auto; } .days tbody { break-inside: avoid; }
  .tiles { grid-template-columns: repeat(5, 1fr); }
  .market { grid-template-columns: minmax(0, 1fr) max-content; }
  .scroll { overflow: visible; max-height: none; } .days { width: 100%; }
  .switch label:not(:has(:checked)), label:has(#refresh), a[download] { display: none; }
}
`);
