/** What the prices' section draws from. Numbers of charts have five digits: more make a large universe's page several times as large. */
export type PricesData = {
  readonly firstDay: string;
  readonly coins: readonly { readonly id: string; readonly name: string; readonly symbol: string }[];
  readonly currencies: readonly { readonly code: string; readonly name: string }[];
  /** Of each coin each currency. */
  readonly quotes: readonly Quote[];
};

export type Quote = {
  /** The place of the first day that has a price; the lists begin there. Null is a day without a row. */
  readonly start: number;
  readonly average: readonly (number | null)[];
  readonly low: readonly (number | null)[];
  readonly high: readonly (number | null)[];
  readonly provisional: readonly number[];
  /** The newest final day, and how its average differs from that of the day before, as a share. */
  readonly final: { readonly day: string; readonly average: number; readonly change: number | null } | null;
  /** Open, high, low, close, volume, market cap, hours and samples of that day. */
  readonly facts: readonly (number | null)[];
  readonly latest: {
    readonly price: number;
    readonly change: number | null;
    readonly at: string;
    readonly age: string;
  } | null;
};

/**
 * Draws one series, and the table of all coins in one currency. The page holds this function's own text and draws with it
 * what its reader chooses, so it uses nothing from outside itself.
 */
export function pricesView({ firstDay, coins, currencies, quotes }: PricesData) {
  const [width, height] = [1000, 400];
  const escaped = (text: string) => text.replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`);
  const intl = (options: Intl.NumberFormatOptions) => new Intl.NumberFormat('en-US', options);
  const large = intl({ minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const medium = intl({ minimumFractionDigits: 2, maximumFractionDigits: 4 });
  const small = intl({ maximumSignificantDigits: 4 });
  const axis = intl({ maximumSignificantDigits: 6 });
  const compact = intl({ notation: 'compact', maximumSignificantDigits: 4 });
  const percent = intl({
    ...{ style: 'percent', signDisplay: 'exceptZero', minimumFractionDigits: 2, maximumFractionDigits: 2 },
  });
  const date = (options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat('en-US', { ...options, timeZone: 'UTC' });
  const [byDay, byMonth] = [date({ day: 'numeric', month: 'short' }), date({ month: 'short', year: 'numeric' })];

  const dayAt = (index: number) => new Date(Date.parse(firstDay) + index * 86_400_000).toISOString().slice(0, 10);
  const priceText = (price: number) => (price >= 100 ? large : price >= 1 ? medium : small).format(price);
  const known = (values: readonly (number | null)[]) => values.filter((value) => value !== null);
  const direction = (change: number | null) =>
    change === null || Math.abs(change) < 0.00005 ? 'flat' : change > 0 ? 'up' : 'down';
  const changeMark = (change: number | null) => {
    const way = direction(change);
    const sign = { up: '▲', down: '▼', flat: '' }[way];
    return `<span class="nowrap ${way}"><span aria-hidden="true">${sign}</span> ${change === null ? '–' : percent.format(change)}</span>`;
  };

  /** Lines through what is known; a day without a row interrupts them. */
  const pieces = (values: readonly (number | null)[]): number[][] => {
    const found: number[][] = [];
    for (const [index, value] of values.entries())
      if (value !== null) {
        if ((values[index - 1] ?? null) === null) found.push([]);
        found.at(-1)?.push(index);
      }
    return found;
  };
  const scaleOf = (count: number, low: number, high: number) => {
    const place = (index: number) => ((count === 1 ? 0.5 : index / (count - 1)) * width).toFixed(1);
    return (values: readonly (number | null)[], index: number) =>
      `${place(index)},${(height * (high === low ? 0.5 : (high - (values[index] ?? 0)) / (high - low))).toFixed(1)}`;
  };
  const svg = (paths: string, look = '') =>
    `<svg${look} viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" aria-hidden="true">${paths}</svg>`;

  /** Round numbers around both, at most six. */
  const ticksOf = (low: number, high: number): number[] => {
    const rough = (high - low || Math.abs(high) || 1) / 4;
    const ten = 10 ** Math.floor(Math.log10(rough));
    const step = ten * ([1, 2, 5].find((factor) => factor * ten >= rough) ?? 10);
    const [first, last] = [Math.floor(low / step), Math.ceil(high / step)];
    return Array.from({ length: Math.max(2, last - first + 1) }, (_, index) =>
      Number(((first + index) * step).toPrecision(12)),
    );
  };

  /** The averages as a line within the band from low to high. A ring marks a provisional day, a dot one without neighbours. */
  const plot = ({ start, average, low, high, provisional }: Quote): string => {
    const ticks = ticksOf(Math.min(...known(low)), Math.max(...known(high)));
    const [bottom = 0, top = 1] = [ticks[0], ticks.at(-1)];
    const at = scaleOf(average.length, bottom, top);
    const lines = pieces(average);
    const line = (one: readonly number[], values = average) => one.map((index) => at(values, index)).join('L');
    const dots = (days: readonly number[]) => days.map((index) => `M${at(average, index)}h0`).join('');
    const bands = lines.map((one) => `M${line(one, high)}L${line(one.toReversed(), low)}Z`).join('');
    const alone = lines.flatMap((one) => (one.length === 1 && !provisional.includes(one[0] ?? -1) ? one : []));
    const rings = dots(provisional);
    const paths = {
      band: bands,
      average: lines.map((one) => `M${line(one)}`).join(''),
      dot: dots(alone),
      ring: rings,
      hole: rings,
    };
    const labels = ticks.map((tick) => ({ top: (100 * (top - tick)) / (top - bottom), label: axis.format(tick) }));
    const step = Math.ceil(average.length / 5);
    const days = [...average.keys()].filter((index) => (average.length - 1 - index) % step === Math.floor(step / 2));
    const dayText = average.length > 200 ? byMonth : byDay;
    return `<div class="plot" style="--gutter:${Math.max(...labels.map(({ label }) => label.length))}ch">
${svg(
  Object.entries(paths)
    .map(([look, path]) => `<path class="${look}" d="${path}"/>`)
    .join(''),
)}
${labels.map((one) => `<span class="price" style="top:${one.top.toFixed(2)}%">${one.label}</span>`).join('')}
${days
  .map((index) => {
    const left = average.length === 1 ? 50 : (100 * index) / (average.length - 1);
    return `<span class="day" style="left:${left.toFixed(2)}%">${dayText.format(Date.parse(dayAt(start + index)))}</span>`;
  })
  .join('')}</div>`;
  };

  const chart = (quote: Quote, coin: { id: string; name: string }, currency: string): string => {
    const { start, average, low, high, provisional } = quote;
    const [code, averages] = [currency.toUpperCase(), known(average)];
    const [first, last] = [dayAt(start), dayAt(start + average.length - 1)];
    const range = `${priceText(Math.min(...averages))} to ${priceText(Math.max(...averages))}`;
    const lines = average.flatMap((one, index) =>
      one === null
        ? []
        : [[dayAt(start + index), one, low[index], high[index], !provisional.includes(index)].join(',')],
    );
    const csv = ['day,average,low,high,is_final', ...lines, ''].join('%0A');
    return `<figure class="chart" role="img" aria-label="${escaped(coin.name)} in ${escaped(code)}, ${first} to ${last}: daily averages from ${range}">${plot(quote)}</figure>
<p class="note">Line: daily average. Band: low to high. Ring: provisional. A break: no row.
<a download="${escaped(`${coin.id}-${currency}-${first}-to-${last}.csv`)}" href="data:text/csv;charset=utf-8,${csv}">CSV of ${averages.length} day${averages.length === 1 ? '' : 's'}</a>, in five digits</p>`;
  };

  return {
    /** The chart of one series, with the figures of its newest final day. */
    panel(coinIndex: number, currencyIndex: number): string {
      const [coin, currency] = [coins[coinIndex], currencies[currencyIndex]];
      const quote = quotes[coinIndex * currencies.length + currencyIndex];
      if (!coin || !currency || !quote) return '';
      const { final, facts, latest } = quote;
      const code = escaped(currency.code.toUpperCase());
      const title = `<h3>${escaped(coin.name)} <span>in ${escaped(currency.name)}</span></h3>`;
      const change24h = latest?.change == null ? '' : `; ${changeMark(latest.change)} in the 24 h before`;
      const now = latest
        ? `<p class="latest">Latest <b>${priceText(latest.price)} ${code}</b>,
<time datetime="${latest.at}">${latest.age}</time>${change24h}</p>`
        : '';
      if (final === null) return `<div class="quote">${title}</div>${now}<p class="muted">No day is final yet.</p>`;
      const change =
        final.change === null
          ? ''
          : `<span>${changeMark(final.change)} <span class="muted">against the day before</span></span>`;
      const names = ['Open', 'High', 'Low', 'Close', 'Volume, rolling 24 h', 'Market cap', 'Hours covered', 'Samples'];
      const texts = facts.map((fact, index) => {
        if (fact === null) return '–';
        return index < 4
          ? priceText(fact)
          : index < 6
            ? compact.format(fact)
            : index === 6
              ? `${fact} of 24`
              : axis.format(fact);
      });
      return `<div class="quote">${title}<strong>${priceText(final.average)} <small>${code}</small></strong>
<span class="muted">average of <time datetime="${final.day}">${final.day}</time></span>${change}</div>${now}
${chart(quote, coin, currency.code)}
<dl class="facts">${names.map((name, index) => `<div><dt>${name}</dt><dd>${texts[index]}</dd></div>`).join('')}</dl>`;
    },

    /** All coins in one currency. @param chosen the coin whose chart is shown. */
    table(currencyIndex: number, chosen: number): string {
      const ofCoin = (index: number) => quotes[index * currencies.length + currencyIndex];
      const newest =
        coins
          .map((_, index) => ofCoin(index)?.final?.day ?? '')
          .sort()
          .at(-1) ?? '';
      const hasLatest = quotes.some(({ latest }) => latest !== null);
      const heading = (name: string) => `<th scope="col" class="num">${name}</th>`;
      const shortDay = (day: string) => byDay.format(Date.parse(day));
      const rows = coins.map((coin, index) => {
        const quote = ofCoin(index);
        const { final = null, latest = null, average = [] } = quote ?? {};
        const [first, last] = [average[0], average.findLast((one) => one !== null)];
        const at = scaleOf(average.length, Math.min(...known(average)), Math.max(...known(average)));
        const line = pieces(average)
          .map((one) => `M${one.map((day) => at(average, day)).join('L')}`)
          .join('');
        const age = latest === null ? '–' : `${priceText(latest.price)} <small>${latest.age}</small>`;
        const day = final === null || final.day === newest ? '' : ` <small>${shortDay(final.day)}</small>`;
        return `<tr>
<th scope="row"><label><input type="radio" name="coin" id="coin-${index}"${index === chosen ? ' checked' : ''}>${escaped(coin.name)} <small>${escaped(coin.symbol.toUpperCase())}</small></label></th>
${hasLatest ? `<td class="num">${age}</td>` : ''}
<td class="num">${final === null ? '–' : priceText(final.average) + day}</td>
<td class="num">${changeMark(final?.change ?? null)}</td>
<td><span class="${direction(first && last ? last / first - 1 : null)}">${svg(`<path d="${line}"/>`, ' class="spark"')}</span></td></tr>`;
      });
      return `<caption class="hidden">The prices of all coins; choose one to see its chart</caption>
<thead><tr><th scope="col">Coin</th>${hasLatest ? heading('Latest') : ''}
${heading(newest ? `Average of ${shortDay(newest)}` : 'Average')}${heading('vs. day before')}${heading('Trend')}</tr></thead>
<tbody>${rows.join('')}</tbody>`;
    },
  };
}
