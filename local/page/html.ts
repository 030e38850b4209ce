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

const render = (part: Part): string => {
  if (part === null) return '';
  if (part instanceof Html) return part.markup;
  if (typeof part === 'object') return part.map(render).join('');
  return visible(String(part)).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
};

/** A template for text and quoted attributes. It escapes every value that is not markup yet; null leaves nothing. */
export const html = (strings: TemplateStringsArray, ...parts: readonly Part[]): Html =>
  new Html(String.raw({ raw: strings }, ...parts.map(render)));

/** Takes markup or CSS as it is. Never give it anything from outside. */
export const trusted = (markup: string): Html => new Html(markup);
