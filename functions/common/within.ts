/**
 * Does the work, or rejects with a TimeoutError after that long, whether or not the work heeds its signal: looking up
 * credentials, for one, does not.
 */
export function within<Result>(timeoutMs: number, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const signal = AbortSignal.timeout(timeoutMs);
  const expiry = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  return Promise.race([work(signal), expiry]);
}
