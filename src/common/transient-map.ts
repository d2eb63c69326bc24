/** After so many new entries the map of the last generation is dropped, with whoever is still in it moved on. */
const GENERATION = 1024;

/**
 * A map for entries that come by the thousand and leave within moments.
 *
 * A `Map` that lives long does not do for them. Each time that V8 makes its table anew, the old table keeps what it
 * held and points to its successor. Once one of them is in the old generation, those after it get there too, and
 * whatever they held with them: at the door each request, with all that hangs on its promise, was copied twice and
 * waited for a full collection. The tables here are young when they are dropped.
 */
export class TransientMap<Key, Value> {
  private young = new Map<Key, Value>();
  private old = new Map<Key, Value>();
  private added = 0;

  get size(): number {
    return this.young.size + this.old.size;
  }

  get(key: Key): Value | undefined {
    return this.young.get(key) ?? (this.old.size === 0 ? undefined : this.old.get(key));
  }

  set(key: Key, value: Value): void {
    if (this.old.size > 0) this.old.delete(key);
    if (this.added === GENERATION) this.turn();
    this.young.set(key, value);
    this.added++;
  }

  delete(key: Key): void {
    if (!this.young.delete(key)) this.old.delete(key);
  }

  clear(): void {
    this.begin(new Map());
    this.old = new Map();
  }

  private turn(): void {
    const staying = this.old;
    this.old = this.young;
    this.begin(new Map(staying));
  }

  private begin(young: Map<Key, Value>): void {
    this.young = young;
    this.added = 0;
  }
}
