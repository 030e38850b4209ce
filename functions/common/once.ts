/** @returns a function that makes the value when it is first called, and keeps it. After a failure the next call tries again. */
export function once<Value extends object>(make: () => Value): () => Value {
  let value: Value | undefined;
  return () => {
    value ??= make();
    return value;
  };
}
