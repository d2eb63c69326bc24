/** Fewest new entries after which the map of the last generation is dropped, and whoever is still in it moves on. */
const GENERATION = 1024;

/**
 * A map for entries that come by the thousand and leave within moments.
 *
 * A `Map` that lives long does not do for them. Each time that V8 makes its table anew, the old table keeps what it
 * held and points to its successor. Once one of them is in the old generation, those after it get there too, and
 * whatever they held with them: at the door each request, with all that hangs on its promise, was copied twice and
 * waited for a full collection. Here such a chain ends with its generation, and under load that is before a collection.
 */
export class TransientMap<Key, Value extends object> {
  private young = new Map<Key, Value>();
  private old = new Map<Key, Value>();
  /** New entries until the next generation: more where many stay, so that each of them moves once on average. */
  private left = GENERATION;

  get size(): number {
    return this.young.size + this.old.size;
  }

  get(key: Key): Value | undefined {
    return this.young.get(key) ?? (this.old.size === 0 ? undefined : this.old.get(key));
  }

  set(key: Key, value: Value): void {
    if (this.left === 0) this.turn();
    this.left--;
    if (this.old.size > 0) this.old.delete(key);
    this.young.set(key, value);
  }

  delete(key: Key): void {
    if (!this.young.delete(key)) this.old.delete(key);
  }

  clear(): void {
    this.young = new Map();
    this.old = new Map();
    this.left = GENERATION;
  }

  private turn(): void {
    this.left = Math.max(GENERATION, this.size);
    const staying = this.old;
    this.old = this.young;
    this.young = new Map(staying);
  }
}
