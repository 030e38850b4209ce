import type * as z from 'zod';

/**
 * @param whole what the input is called where no single field of it is at fault.
 * @returns the first thing that zod found wrong, as `prices[0][1]: reason`. It quotes no value, unless the schema's own
 * text does.
 */
export function firstIssue({ issues: [issue] }: z.ZodError, whole: string): string {
  // Not zod's `toDotPath`: reaching into `z.core` makes a bundle 340 kB larger.
  const steps = issue?.path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)) ?? [];
  return `${steps.join('').replace(/^\./, '') || whole}: ${issue?.message ?? 'of an unknown shape'}`;
}
