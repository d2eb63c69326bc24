/** Bands of distance from the head: who is nearer is told more often. The last takes those who wait no more. */
export const BANDS = [
  { throughPosition: 100, everyMs: 250 },
  { throughPosition: 1_000, everyMs: 1_000 },
  { throughPosition: 10_000, everyMs: 5_000 },
  { throughPosition: Infinity, everyMs: 15_000 },
] as const;

const FARTHEST = BANDS.length - 1;

/** Sockets told in one go, some 10 ms: a larger crowd is told in turns, so that the process answers in between. */
const CELL_SIZE = 500;

/** Not all members of a cell were told of the same sell-out. */
const MIXED = 'mixed';

type Told = Pick<Cell, 'version' | 'at' | 'soldOut'>;

/** The band of a position; the farthest for who does not wait. */
export function bandOf(position: number | null): number {
  if (position === null) return FARTHEST;
  return BANDS.findIndex(({ throughPosition }) => position <= throughPosition);
}

/** Sockets of one line and band that share a room. */
export interface Cell {
  readonly room: string;
  readonly band: number;
  /** Socket id → its smallest seq in this line. */
  readonly members: ReadonlyMap<string, number>;
  /** Version of the line that they were told last. */
  version: number;
  /** When that was, monotonic. */
  at: number;
  /** The sell-out that they were told last, as `soldOutKey` writes it. */
  soldOut: string;
}

interface OwnCell extends Cell {
  readonly members: Map<string, number>;
}

/** A socket that changes its rooms. */
export interface Move {
  readonly socketId: string;
  readonly from: string;
  readonly to: string;
}

/** The room that a socket enters, and the one that it leaves for it. */
export interface Entry {
  readonly from: string | null;
  readonly to: string;
}

/** The sockets of one process that watch one line, of rooms one window of it, in cells by band. Pure: it names rooms and joins none. */
export class Audience {
  private readonly byBand: Set<OwnCell>[] = BANDS.map(() => new Set());
  private readonly bySocket = new Map<string, OwnCell>();
  private made = 0;

  /** @param key names the line, as `lineKey` does */
  constructor(private readonly key: string) {}

  get size(): number {
    return this.bySocket.size;
  }

  /** Every cell, nearest band first. */
  cells(): Cell[] {
    return this.byBand.flatMap((cells) => [...cells]);
  }

  /**
   * Takes a socket in, just told of this version and sell-out. A socket with several bookings of the line
   * counts with the one nearest to the head. Null where it stays in its room.
   */
  add(socketId: string, seq: number, position: number | null, told: Told): Entry | null {
    const known = this.bySocket.get(socketId);
    const nearest = Math.min(seq, known?.members.get(socketId) ?? seq);
    const band = Math.min(bandOf(position), known?.band ?? FARTHEST);
    if (known !== undefined && known.band === band) {
      known.members.set(socketId, nearest);
      return null;
    }
    if (known !== undefined) this.take(socketId, known);
    const cell = this.put(socketId, nearest, band, told);
    return { from: known?.room ?? null, to: cell.room };
  }

  remove(socketId: string): void {
    const cell = this.bySocket.get(socketId);
    if (cell !== undefined) this.take(socketId, cell);
  }

  /** Puts those of a cell that have come nearer, or wait no more, where they belong now. */
  regroup(cell: Cell, positionOf: (seq: number) => number | null): Move[] {
    const moves: Move[] = [];
    for (const [socketId, seq] of [...cell.members]) {
      const own = this.bySocket.get(socketId);
      const band = bandOf(positionOf(seq));
      if (own === undefined || own !== cell || band === own.band) continue;
      this.take(socketId, own);
      const to = this.put(socketId, seq, band, cell);
      moves.push({ socketId, from: own.room, to: to.room });
    }
    return moves;
  }

  private take(socketId: string, cell: OwnCell): void {
    this.bySocket.delete(socketId);
    cell.members.delete(socketId);
    if (cell.members.size === 0) this.byBand[cell.band]?.delete(cell);
  }

  private put(socketId: string, seq: number, band: number, told: Told): OwnCell {
    const cells = this.byBand[band] ?? new Set();
    let cell: OwnCell | undefined;
    for (const other of cells) if (other.members.size < CELL_SIZE) cell = other;
    if (cell === undefined) {
      this.made += 1;
      const room = `line:${this.key}/${band}/${this.made}`;
      cell = { room, band, members: new Map(), version: told.version, at: told.at, soldOut: told.soldOut };
      cells.add(cell);
    }
    // the least that any of its members knows
    cell.version = Math.min(cell.version, told.version);
    if (cell.soldOut !== told.soldOut) cell.soldOut = MIXED;
    cell.members.set(socketId, seq);
    this.bySocket.set(socketId, cell);
    return cell;
  }
}
