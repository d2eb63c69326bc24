import type { LineEvent } from './events.js';
import { ActiveLine, LineReader } from './active-line.js';
import type { LineView } from './line-view.js';
import type { NightWindow } from './night-window.js';

/** Where a booking stands in its line, at a version. */
export type LinePosition =
  | {
      readonly waiting: true;
      /** 1 is next. */
      readonly position: number;
      readonly estimatedWaitSeconds: number;
      readonly version: number;
    }
  | { readonly waiting: false; readonly version: number };

export type LineListener = (offerId: string) => void;

/**
 * The views of the lines that somebody is interested in, in this process: one of each line of tickets, and of rooms one
 * of each window of nights. However many there are, a line is read once. A window is always that of a booking's own
 * nights, and null for tickets.
 *
 * A view is exact at its version, and never more than a second behind while it is active: it follows hints, and
 * is read from the ledger again whether hints come or not. It is dropped after a minute without interest.
 */
export class LineViews {
  private readonly lines = new Map<string, ActiveLine>();
  private readonly listeners = new Set<LineListener>();
  private closed = false;

  constructor(
    private readonly reader: LineReader,
    /** Told of reads that failed and that no caller waits for. */
    private readonly failed: (error: unknown) => void = () => undefined,
    /** Monotonic, in ms. */
    private readonly now: () => number = () => performance.now(),
  ) {}

  /**
   * Where this booking stands, never at an older version than given. A version that the ledger has not reached
   * is answered with the ledger's.
   * @throws AppError `OFFER_NOT_FOUND`; what the reader throws
   */
  async position(
    offerId: string,
    seq: number,
    atLeastVersion: number,
    window: NightWindow | null,
  ): Promise<LinePosition> {
    const view = await this.line(offerId).fresh(atLeastVersion, seq, window);
    const position = view.position(seq);
    if (position === null) return { waiting: false, version: view.version };
    return {
      waiting: true,
      position,
      estimatedWaitSeconds: view.estimatedWaitSeconds(position),
      version: view.version,
    };
  }

  /**
   * What everybody of the line, or everybody who waits for these nights, is told, never at an older version than given.
   * @throws AppError `OFFER_NOT_FOUND`; what the reader throws
   */
  async event(offerId: string, atLeastVersion: number, window: NightWindow | null): Promise<LineEvent> {
    const line = this.line(offerId);
    const view = await line.fresh(atLeastVersion, 0, window);
    return view.event(line.ageMs());
  }

  /** The view as it is, and its event; null until it has been read. Keeps the line active. */
  peek(
    offerId: string,
    window: NightWindow | null,
  ): { readonly view: LineView; readonly event: () => LineEvent } | null {
    const line = this.line(offerId);
    const view = line.peek(window);
    return view === null ? null : { view, event: () => view.event(line.ageMs()) };
  }

  /** Calls back after each change of a line; gives the way to stop that. The listener must not throw. */
  onChange(listener: LineListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** The line has this version, somebody says. Lines without interest do not care. */
  hint(offerId: string, version: number): void {
    this.lines.get(offerId)?.hint(version);
  }

  /** Hints may have been missed: read every active line again. */
  doubtAll(): void {
    for (const line of this.lines.values()) line.doubt();
  }

  /** How many lines are active. */
  get active(): number {
    return this.lines.size;
  }

  /** Idempotent. */
  close(): void {
    this.closed = true;
    for (const line of this.lines.values()) line.stop();
    this.lines.clear();
    this.listeners.clear();
  }

  private line(offerId: string): ActiveLine {
    const known = this.lines.get(offerId);
    if (known !== undefined) return known;
    const line: ActiveLine = new ActiveLine(
      offerId,
      this.reader,
      {
        changed: () => this.listeners.forEach((listener) => listener(offerId)),
        over: () => {
          if (this.lines.get(offerId) === line) this.lines.delete(offerId);
        },
        failed: this.failed,
      },
      this.now,
    );
    if (this.closed) line.stop();
    else this.lines.set(offerId, line);
    return line;
  }
}
