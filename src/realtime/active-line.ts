import { AppError } from '../common/errors.js';
import type { LineRead } from '../booking/ledger/types.js';
import type { FollowedLine } from './followed-line.js';
import { lineFrom } from './line-from.js';
import type { LineView } from './line-view.js';
import type { NightWindow } from './night-window.js';

/** What a view needs of the ledger. Also its token. */
export abstract class LineReader {
  /**
   * Who waits: the difference to what is known, or the whole where that is too old or null.
   * Null where there is no such offer.
   */
  abstract readLine(
    offerId: string,
    known: { readonly version: number; readonly lastSeq: number } | null,
  ): Promise<LineRead | null>;
}

/** A view is read again at least so often while somebody is interested. */
const READ_EVERY_MS = 900;
/** Hints alone cause no more reads than one in so many ms. */
const MIN_READ_GAP_MS = 100;
/** Older than this (the ledger did not answer), a view is no answer. */
const MAX_AGE_MS = 2000;
/** Without interest for so long, a view is dropped, and the line with the last one. */
const IDLE_MS = 60_000;
/** A whole read to mend a count that differs, at most so often. */
const MEND_EVERY_MS = 10_000;

interface Watch {
  /** The views have a new version. */
  readonly changed: () => void;
  /** Nobody is interested any more, or there is no such offer: forget this line. */
  readonly over: () => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Keeps the views of one line as fresh as its interest needs: one read at a time, shared by everyone who waits
 * for it, however many ask.
 */
export class ActiveLine {
  private current: FollowedLine | null = null;
  private reading: Promise<void> | null = null;
  private startedAt = -Infinity;
  private readAt = -Infinity;
  private askedAt: number;
  private mendedAt = -Infinity;
  private doubted = false;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    private readonly offerId: string,
    private readonly reader: LineReader,
    private readonly watch: Watch,
    /** Monotonic, in ms. */
    private readonly now: () => number,
  ) {
    this.askedAt = now();
  }

  /** The view as it is; null until the first read has come. Counts as interest. */
  peek(window: NightWindow | null): LineView | null {
    this.askedAt = this.now();
    if (this.current === null) this.read().catch(() => undefined);
    return this.current?.view(window, this.askedAt) ?? null;
  }

  ageMs(): number {
    return this.now() - this.readAt;
  }

  /**
   * The view at this version or a later one, with this number in it. Where the ledger itself has neither, what
   * it has: a read that began after the call is the truth, whatever version the caller claims to have seen.
   * @throws AppError `OFFER_NOT_FOUND`; what the reader throws
   */
  async fresh(atLeastVersion: number, seq: number, window: NightWindow | null): Promise<LineView> {
    this.askedAt = this.now();
    // the read that is under way may have begun before the caller's own change was committed; the next has not
    for (let reads = 0; reads < 2 && !this.covers(atLeastVersion, seq); reads += 1) await this.read();
    if (this.current === null) throw new AppError('OFFER_NOT_FOUND');
    return this.current.view(window, this.askedAt);
  }

  /** Somebody says that the line has this version. */
  hint(version: number): void {
    if (this.current !== null && version > this.current.version) this.doubt();
  }

  /** The line may have changed. A read that begins after this call settles it. */
  doubt(): void {
    if (this.doubted) return;
    this.doubted = true;
    if (this.reading === null) this.schedule();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private covers(version: number, seq: number): boolean {
    const line = this.current;
    return line !== null && line.version >= version && line.known.lastSeq >= seq && this.ageMs() < MAX_AGE_MS;
  }

  private read(): Promise<void> {
    this.reading ??= this.readOnce().finally(() => {
      this.reading = null;
      this.schedule();
    });
    return this.reading;
  }

  private async readOnce(): Promise<void> {
    clearTimeout(this.timer);
    const startedAt = this.now();
    this.startedAt = startedAt;
    this.doubted = false;
    const read = await this.reader.readLine(this.offerId, this.whatIsKnown(startedAt));
    if (read === null) {
      this.current = null;
      this.stop();
      this.watch.over();
      return;
    }
    this.readAt = startedAt;
    if (this.current !== null) {
      this.current.forget(startedAt - IDLE_MS);
      if (this.current.apply(read)) this.watch.changed();
      return;
    }
    this.current = lineFrom(read);
    this.watch.changed();
  }

  private whatIsKnown(now: number): { readonly version: number; readonly lastSeq: number } | null {
    if (this.current === null) return null;
    if (this.current.agrees || now - this.mendedAt < MEND_EVERY_MS) return this.current.known;
    this.mendedAt = now;
    return null;
  }

  private schedule(): void {
    clearTimeout(this.timer);
    if (this.stopped) return;
    const due = this.startedAt + (this.doubted ? MIN_READ_GAP_MS : READ_EVERY_MS);
    this.timer = setTimeout(() => this.tick(), Math.max(0, due - this.now()));
    this.timer.unref();
  }

  private tick(): void {
    if (this.now() - this.askedAt > IDLE_MS) {
      this.stop();
      this.watch.over();
      return;
    }
    this.read().catch(this.watch.failed);
  }
}
