import { type Html, html, trusted } from './html.ts';

/** What the reader of the page chooses. */
type Choice = 'zoom' | 'currency' | 'coin';

/**
 * One option of a choice that needs no script. What belongs to some options only says so: `data-zoom="0 2"` is shown while
 * option 0 or 2 is chosen.
 */
export const radio = (choice: Choice, option: number, isChosen: boolean): Html =>
  html`<input type="radio" name="${choice}" id="${choice}-${option}"${isChosen ? trusted(' checked') : null}>`;

/** The CSS that hides what belongs to other options. A browser that doesn't know `:has` drops it and shows everything. */
export const hideUnchosen = (choice: Choice, count: number): Html =>
  trusted(
    Array.from(
      { length: count },
      (_, option) =>
        `body:has(#${choice}-${option}:checked) [data-${choice}]:not([data-${choice}~="${option}"]){display:none}`,
    ).join('\n'),
  );

/** The options as a row of buttons. @param options each with a longer name, that a pointer shows. */
export const switchOf = (
  choice: Choice,
  legend: string,
  options: readonly { readonly label: string; readonly name: string }[],
  chosen: number,
): Html =>
  html`<fieldset class="switch"><legend class="hidden">${legend}</legend>${options.map(
    ({ label, name }, option) =>
      html`<label title="${name}">${radio(choice, option, option === chosen)}${label}</label>`,
  )}</fieldset>`;
