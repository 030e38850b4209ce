/** What a handler uses of Lambda's context. @property awsRequestId Lambda's own repeats of an event have the same one. */
export type Invocation = { readonly awsRequestId: string; getRemainingTimeInMillis(): number };

/**
 * For middy in functions that work in the database. By default it gives up on a handler 5 ms before Lambda ends it; the
 * instance would stay warm, and the work that was given up would go on beside that of the next invocation.
 */
export const FULL_TIME = { timeoutEarlyInMillis: 0 };
