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
