/**
 * For functions that nobody waits for. The SDK by itself waits for ever for an answer, and a function would spend all of
 * its time on a connection that died.
 */
export const BACKGROUND_CLIENT = {
  requestHandler: { connectionTimeout: 3_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
} as const;
