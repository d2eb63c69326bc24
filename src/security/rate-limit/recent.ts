/**
 * A map that forgets what was not asked for in a while: it holds `capacity` entries at most, and never forgets one
 * that was among the last `capacity / 2` different ones asked for.
 *
 * Two generations instead of a list in order of use: a look-up moves nothing, but once in each generation.
 */
export class Recent<Value> {
  private young = new Map<string, Value>();
  private old = new Map<string, Value>();
  private readonly most: number;

  constructor(capacity: number) {
    this.most = Math.max(1, Math.floor(capacity / 2));
  }

  get size(): number {
    return this.young.size + this.old.size;
  }

  get(key: string): Value | undefined {
    const found = this.young.get(key);
    if (found !== undefined) return found;
    const aged = this.old.get(key);
    if (aged === undefined) return undefined;
    this.old.delete(key);
    this.set(key, aged);
    return aged;
  }

  /** For a key that `get` has not found. */
  set(key: string, value: Value): void {
    if (this.young.size >= this.most) this.age();
    this.young.set(key, value);
  }

  /** Forgets whatever was not asked for since the last time. */
  age(): void {
    this.old = this.young;
    this.young = new Map();
  }
}
