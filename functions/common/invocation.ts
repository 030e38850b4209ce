/** What a handler uses of Lambda's context. Lambda's own repeats of an asynchronous invocation have the same id. */
export type Invocation = { readonly awsRequestId: string };
