import * as z from 'zod';

/**
 * @param whole what to call the input where it is no field of it that is at fault.
 * @returns the first thing that zod found wrong, as `field: reason`; a value stands in it only if the schema's text has it.
 */
export function firstIssue({ issues: [issue] }: z.ZodError, whole: string): string {
  const { path, message } = issue ?? { path: [], message: 'of an unknown shape' };
  return `${z.core.toDotPath(path) || whole}: ${message}`;
}
