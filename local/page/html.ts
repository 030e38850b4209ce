import { visible } from '../output/format.ts';

/** Markup that is safe in a page. Only `html` and `trusted` make it, so that data can't pose as markup. */
class Html {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }
}

export type { Html };

type Part = Html | string | number | null | readonly Part[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const render = (part: Part): string => {
  if (part === null) return '';
  if (part instanceof Html) return part.markup;
  if (typeof part === 'object') return part.map(render).join('');
  return visible(String(part)).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
};

/** A template for text and quoted attributes. It escapes every value that is not markup yet; null leaves nothing. */
export const html = (strings: TemplateStringsArray, ...parts: readonly Part[]): Html =>
  new Html(String.raw({ raw: strings }, ...parts.map(render)));

/** Takes markup or CSS as it is. Never give it anything from outside. */
export const trusted = (markup: string): Html => new Html(markup);

/** What the reader of the page chooses, without a script. `data-coin="2"` is shown while coin 2 is chosen. */
type Choice = 'currency' | 'coin';

/** One option of a choice. The first is chosen when the page opens. */
export const radio = (choice: Choice, option: number): Html =>
  html`<input type="radio" name="${choice}" id="${choice}-${option}"${option === 0 ? trusted(' checked') : null}>`;

/** The CSS that hides what belongs to other options. A browser that doesn't know `:has` drops it and shows everything. */
export const hideUnchosen = (choice: Choice, count: number): Html =>
  trusted(
    Array.from({ length: count }, (_, option) => {
      const others = `[data-${choice}]:not([data-${choice}="${option}"])`;
      return `body:has(#${choice}-${option}:checked) ${others}{display:none}`;
    }).join('\n'),
  );
