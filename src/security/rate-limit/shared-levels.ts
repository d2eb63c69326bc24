/** What one process adds to a bucket that all share. */
export interface Addition {
  /** Opaque, never a customer's id or an address. */
  readonly key: string;
  /** How much longer the bucket needs to be empty. */
  readonly ms: number;
}

/** The buckets that processes share. Also its token. Redis implements it, and the database. */
export abstract class SharedLevels {
  /**
   * Adds to every bucket, in one round trip. A bucket empties by itself and is forgotten once it is empty.
   *
   * @param additions at most one for each key
   * @returns for each, how long its bucket now needs to be empty, in ms; in the order of the additions
   */
  abstract add(additions: readonly Addition[]): Promise<readonly number[]>;

  /** Idempotent. */
  abstract close(): Promise<void>;
}
