import type * as z from 'zod';

const MAX_LENGTH = 100;
/** So much of a text is enough to recognise it, and too little of a secret to use it. */
const MAX_TEXT = 32;
const MAX_ITEMS = 3;
const MAX_DEPTH = 2;

/**
 * Shows a value from outside in an error or a log, as JSON, on one line. However deep, wide or long it is, the result is
 * short; it never fails, and no text in it is shown whole that is long enough to be a secret.
 */
export function show(value: unknown): string {
  const text = showPart(value, MAX_DEPTH);
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
}

function showPart(value: unknown, depth: number): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value);
  if (value === undefined) return 'nothing';
  if (typeof value !== 'object' || value === null) return String(value);
  const isList = Array.isArray(value);
  const [open, close] = isList ? '[]' : '{}';
  const parts = isList ? value : Object.entries(value);
  if (parts.length === 0) return `${open}${close}`;
  if (depth === 0) return `${open}…${close}`;
  const shown = isList
    ? value.slice(0, MAX_ITEMS).map((item) => showPart(item, depth - 1))
    : Object.entries(value)
        .slice(0, MAX_ITEMS)
        .map(([key, item]) => `${showPart(key, 0)}:${showPart(item, depth - 1)}`);
  return `${open}${shown.join(',')}${parts.length > MAX_ITEMS ? ',…' : ''}${close}`;
}

/** @returns the place of an issue: `['coins', 3, 'id']` as `coins[3].id`. */
export const placeOf = (path: readonly PropertyKey[]): string =>
  // Not zod's `toDotPath`: reaching into `z.core` makes a bundle 340 kB larger.
  path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');

/**
 * @param whole what the input is called where no single field of it is at fault.
 * @returns the first thing that zod found wrong, as `prices[0][1]: reason`. It quotes no value, unless the schema's text does.
 */
export const firstIssue = ({ issues: [issue] }: z.ZodError, whole: string): string =>
  `${placeOf(issue?.path ?? []) || whole}: ${issue?.message ?? 'of an unknown shape'}`;
