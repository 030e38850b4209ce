/** What a handler uses of Lambda's context. @property awsRequestId is the same in Lambda's own repeats of an event. */
export type Invocation = { readonly awsRequestId: string; getRemainingTimeInMillis(): number };

/**
 * For middy in functions that write to the database. By default middy gives up on a handler 5 ms before its time is up.
 * The instance would then stay warm, and the old work would go on beside that of the next invocation.
 */
export const FULL_TIME = { timeoutEarlyInMillis: 0 };
