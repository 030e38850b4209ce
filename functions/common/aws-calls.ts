import { SQSClient, type SQSClientConfig } from '@aws-sdk/client-sqs';

/**
 * The time limits of every AWS client in a function that nobody waits for. By itself the SDK waits for ever for an
 * answer, so that one dead connection would cost the function all of its time.
 */
export const BACKGROUND_CLIENT = {
  requestHandler: { connectionTimeout: 3_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
} as const;

/** @returns a client that heeds AWS_ENDPOINT_URL. By itself the SDK would call the host in the queue's URL. */
export const createSqsClient = (config: SQSClientConfig): SQSClient =>
  new SQSClient({ useQueueUrlAsEndpoint: false, ...config });

/**
 * Does the work, or rejects with a TimeoutError when the time is up. It rejects even where the work ignores its signal, as
 * the SDK does while it looks up credentials.
 */
export function within<Result>(timeoutMs: number, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const signal = AbortSignal.timeout(timeoutMs);
  const expiry = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  return Promise.race([work(signal), expiry]);
}
