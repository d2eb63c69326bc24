import { createHmac, type KeyObject } from 'node:crypto';
import type { Bucket, Buckets, Due } from './buckets.js';
import type { SharedLevels } from './shared-levels.js';

/** Between two exchanges of one process. */
export const EXCHANGE_MS = 100;
/** Before the store is asked again after it has failed. */
const AWAY_MS = 1000;
/** Buckets in one round trip. */
const BATCH = 500;
/** Buckets that wait for one; more come again with their next request. */
const MOST_DUE = 10_000;

export interface LevelExchangeOptions {
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Null: this process is alone. */
  readonly shared: SharedLevels | null;
  /** Keys of the store are made with it, so that nobody reads customers and addresses there. */
  readonly secret: KeyObject;
  /** Told once when the store goes away. */
  readonly onAway: (error: unknown) => void;
}

interface Waiting {
  readonly buckets: Buckets;
  readonly bucket: Bucket;
}
interface Told extends Waiting {
  /** In the store. */
  readonly key: string;
  /** In the unit of levels. */
  readonly told: number;
}

/** Tells the store what this process has counted, and learns what the others have. Costs nothing while nobody is due. */
export class LevelExchange {
  /** Takes a bucket in. */
  readonly due: Due;
  private readonly waiting: Waiting[] = [];
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | null = null;
  private closed = false;
  private isAway = false;
  private notBefore = 0;

  constructor(private readonly options: LevelExchangeOptions) {
    const { shared } = options;
    this.due = shared === null ? () => false : (buckets, bucket) => this.take(buckets, bucket);
  }

  get isStoreAway(): boolean {
    return this.isAway;
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    await this.running;
    await this.options.shared?.close();
  }

  private take(buckets: Buckets, bucket: Bucket): boolean {
    if (this.closed || this.waiting.length >= MOST_DUE) return false;
    this.waiting.push({ buckets, bucket });
    this.arm();
    return true;
  }

  /** At once after a quiet time, else when the interval is over. */
  private arm(): void {
    if (this.timer !== undefined || this.running !== null || this.closed || this.waiting.length === 0) return;
    const wait = Math.max(0, this.notBefore - this.options.now());
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.running = this.exchange().finally(() => {
        this.running = null;
        this.arm();
      });
    }, wait);
    this.timer.unref();
  }

  /** Never rejects. */
  private async exchange(): Promise<void> {
    const { shared, now, onAway } = this.options;
    if (shared === null) return;
    this.notBefore = now() + EXCHANGE_MS;
    const batch = this.batch();
    try {
      const levels = await shared.add(
        batch.map(({ key, buckets, told }) => ({ key, ms: buckets.msOf(told) })),
      );
      this.isAway = false;
      const at = Math.floor(now());
      for (const [i, { buckets, bucket, told }] of batch.entries()) {
        buckets.merge(bucket, told, levels[i] ?? 0, at);
      }
    } catch (error) {
      // Each goes on with what it knows, and what it has counted is told later.
      this.notBefore = now() + AWAY_MS;
      this.waiting.push(...batch);
      if (!this.isAway) onAway(error);
      this.isAway = true;
    }
  }

  private batch(): Told[] {
    const batch = new Map<string, Told>();
    const now = Math.floor(this.options.now());
    for (const { buckets, bucket } of this.waiting.splice(0, BATCH)) {
      const key = this.keyOf(buckets, bucket);
      // A subject that was forgotten and came back has two: the other one's turn is next.
      if (batch.has(key)) this.waiting.push({ buckets, bucket });
      else batch.set(key, { key, buckets, bucket, told: buckets.telling(bucket, now) });
    }
    return [...batch.values()];
  }

  private keyOf({ name }: Buckets, { key }: Bucket): string {
    return createHmac('sha256', this.options.secret)
      .update(`${name}\n${key}`)
      .digest('base64url')
      .slice(0, 22);
  }
}
