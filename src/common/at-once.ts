/** What is there at once, or will be. Hot paths spare themselves a promise that way. */
export type AtOnce<Value> = Value | Promise<Value>;

/** Goes on with a value as soon as it is there: now, where it is. */
export function whenThere<Value, Next>(
  value: AtOnce<Value>,
  next: (value: Value) => Promise<Next>,
): Promise<Next>;
export function whenThere<Value, Next>(
  value: AtOnce<Value>,
  next: (value: Value) => AtOnce<Next>,
): AtOnce<Next>;
export function whenThere<Value, Next>(
  value: AtOnce<Value>,
  next: (value: Value) => AtOnce<Next>,
): AtOnce<Next> {
  return value instanceof Promise ? value.then(next) : next(value);
}
