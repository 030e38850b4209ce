/**
 * The time limits of every AWS client in a function that nobody waits for. By itself the SDK waits for ever for an
 * answer, so that one dead connection would cost the function all of its time.
 */
export const BACKGROUND_CLIENT = {
  requestHandler: { connectionTimeout: 3_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
} as const;
