/** @returns a function that makes the value when first asked: nothing happens at import, and a failure is tried again. */
export function once<Value extends object>(make: () => Value): () => Value {
  let value: Value | undefined;
  return () => {
    value ??= make();
    return value;
  };
}
