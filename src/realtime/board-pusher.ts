import { Audience, BANDS, type Cell } from './audience.js';
import type { LineEvent } from './events.js';
import type { LineView } from './line-view.js';
import type { LineViews } from './line-views.js';
import { lineKey, type NightWindow } from './night-window.js';
import { PushBudget } from './push-budget.js';

/** What the pusher does to sockets: rooms and events of this process alone. */
export interface LocalRooms {
  join(socketId: string, room: string): void;
  leave(socketId: string, room: string): void;
  tell(room: string, event: LineEvent): void;
}

/** A line as a booking sees it. */
export interface WatchedLine {
  readonly offerId: string;
  readonly window: NightWindow | null;
}

interface Crowd extends WatchedLine {
  readonly audience: Audience;
}

const TICK_MS = 50;
/** After so many ms of telling, others get their turn. */
const SLICE_MS = 10;

interface Turn {
  readonly audience: Audience;
  readonly cell: Cell;
  readonly view: LineView;
  /** Made when it is first told, so that it counts against the budget. */
  readonly event: () => LineEvent;
}

export const soldOutKey = ({ soldOut }: Pick<LineEvent, 'soldOut'>): string =>
  soldOut === null ? '' : `${soldOut.throughSeq}/${soldOut.minQuantity}`;

/**
 * Tells the sockets of this process how their lines move: those near the head often, those far back seldom, all
 * together within the budget. A sell-out is told to everybody at once, whatever it costs.
 */
export class BoardPusher {
  /** By `lineKey`. */
  private readonly crowds = new Map<string, Crowd>();
  /** How many crowds there are of each offer. */
  private readonly crowdsOf = new Map<string, number>();
  private readonly budget: PushBudget;
  private readonly stopListening: () => void;
  private timer: NodeJS.Timeout | undefined;
  private soon: NodeJS.Immediate | undefined;
  private pushed = 0;

  constructor(
    private readonly views: LineViews,
    private readonly rooms: LocalRooms,
    /** Monotonic, in ms. */
    private readonly now: () => number = () => performance.now(),
  ) {
    this.budget = new PushBudget(now());
    this.stopListening = views.onChange((offerId) => {
      if (this.crowdsOf.has(offerId)) this.tickSoon();
    });
  }

  /** `line` events sent, one per socket. */
  get events(): number {
    return this.pushed;
  }

  /** This socket watches this booking's line from now on; it has just been told `event` of that. */
  add(socketId: string, event: LineEvent, seq: number, window: NightWindow | null): void {
    const { offerId } = event;
    const { audience } = this.crowd({ offerId, window });
    const position = this.views.peek(offerId, window)?.view.position(seq) ?? null;
    const told = { version: event.version, at: this.now(), soldOut: soldOutKey(event) };
    const entry = audience.add(socketId, seq, position, told);
    if (entry !== null) {
      if (entry.from !== null) this.rooms.leave(socketId, entry.from);
      this.rooms.join(socketId, entry.to);
    }
    this.timer ??= setInterval(() => this.tick(), TICK_MS);
  }

  /** This socket has gone. */
  remove(socketId: string, lines: Iterable<WatchedLine>): void {
    for (const { offerId, window } of lines) {
      const crowd = this.crowds.get(lineKey(offerId, window));
      crowd?.audience.remove(socketId);
      if (crowd?.audience.size === 0) this.disperse(crowd);
    }
    if (this.crowds.size === 0) this.rest();
  }

  /** Idempotent. */
  close(): void {
    this.stopListening();
    this.crowds.clear();
    this.crowdsOf.clear();
    this.rest();
  }

  private crowd({ offerId, window }: WatchedLine): Crowd {
    const key = lineKey(offerId, window);
    const known = this.crowds.get(key);
    if (known !== undefined) return known;
    const crowd = { offerId, window, audience: new Audience(key) };
    this.crowds.set(key, crowd);
    this.crowdsOf.set(offerId, (this.crowdsOf.get(offerId) ?? 0) + 1);
    return crowd;
  }

  private disperse({ offerId, window }: Crowd): void {
    this.crowds.delete(lineKey(offerId, window));
    const left = (this.crowdsOf.get(offerId) ?? 1) - 1;
    if (left > 0) this.crowdsOf.set(offerId, left);
    else this.crowdsOf.delete(offerId);
  }

  private rest(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    clearImmediate(this.soon);
    this.soon = undefined;
  }

  private tickSoon(): void {
    this.soon ??= setImmediate(() => this.tick());
  }

  private tick(): void {
    clearImmediate(this.soon);
    this.soon = undefined;
    const began = this.now();
    const { urgent, due } = this.turns(began);
    for (const turn of urgent) {
      this.tell(turn);
      if (this.now() - began > SLICE_MS) {
        this.tickSoon();
        return;
      }
    }
    for (const turn of due) {
      if (!this.budget.allows(this.now())) return;
      this.tell(turn);
      if (this.now() - began > SLICE_MS) return;
    }
  }

  /** Who does not know yet: of a sell-out, and of a change that is due, nearest and longest waiting first. */
  private turns(now: number): { urgent: Turn[]; due: Turn[] } {
    const urgent: Turn[] = [];
    const due: Turn[] = [];
    for (const { offerId, window, audience } of this.crowds.values()) {
      const current = this.views.peek(offerId, window);
      if (current === null) continue;
      const { view } = current;
      const soldOut = soldOutKey(view.state);
      const event = once(current.event);
      for (const cell of audience.cells()) {
        const isUrgent = cell.soldOut !== soldOut;
        if (!isUrgent && (cell.version >= view.changedAt || now - cell.at < intervalOf(cell))) continue;
        (isUrgent ? urgent : due).push({ audience, cell, view, event });
      }
    }
    due.sort((a, b) => a.cell.band - b.cell.band || a.cell.at - b.cell.at);
    return { urgent, due };
  }

  private tell({ audience, cell, view, event }: Turn): void {
    const began = this.now();
    const { size } = cell.members;
    const told = event();
    this.rooms.tell(cell.room, told);
    cell.version = told.version;
    cell.soldOut = soldOutKey(told);
    for (const { socketId, from, to } of audience.regroup(cell, (seq) => view.position(seq))) {
      this.rooms.leave(socketId, from);
      this.rooms.join(socketId, to);
    }
    cell.at = this.now();
    this.pushed += size;
    this.budget.charge(size, cell.at - began);
  }
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

const intervalOf = ({ band }: Cell): number => BANDS[band]?.everyMs ?? 0;
