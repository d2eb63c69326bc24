import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import type { Arena } from './arena.js';
import type { BankName } from './bank.js';
import { orRefused } from './or-refused.js';

export type Side = 'left' | 'right';

/** Numbers that are the same for the same seed. */
export class Draw {
  constructor(private state: number) {}

  /** From 0 up to, not including, 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
  between(low: number, high: number): number {
    return low + this.next() * (high - low);
  }
  chance(share: number): boolean {
    return this.next() < share;
  }
  of<T>(...choices: readonly [T, ...T[]]): T {
    return choices[Math.floor(this.next() * choices.length)] ?? choices[0];
  }
}

/** The bookings that a repetition is about, in the order of their line. */
export interface Scene {
  readonly bookings: readonly string[];
}

interface Start extends Scene {
  left(): Promise<unknown>;
  right(): Promise<unknown>;
  first(): Promise<Side>;
}

/** Two things that may happen at the same moment, and what may be true of the bookings once all is settled. */
export interface Race {
  readonly name: string;
  readonly banks: readonly BankName[];
  readonly ends: ReadonlySet<string>;
  start(arena: Arena, draw: Draw): Promise<Start>;
}

interface Rules<S extends Scene> {
  /** Absent: with every provider. */
  readonly banks?: readonly BankName[];
  /** The states of the bookings, in their order: everything that they may come to. */
  readonly ends: readonly string[];
  prepare(arena: Arena, draw: Draw): Promise<S>;
  /** By the process `one`. */
  left(arena: Arena, scene: S): Promise<unknown>;
  /** By the process `other`. */
  right(arena: Arena, scene: S): Promise<unknown>;
  /** Which of the two the ledger took for the earlier. */
  first(arena: Arena, scene: S): Promise<Side>;
}

export function race<S extends Scene>(
  name: string,
  { banks = ['sandbox', 'stripe'], ends, prepare, left, right, first }: Rules<S>,
): Race {
  return {
    ...{ name, banks, ends: new Set(ends) },
    start: async (arena, draw) => {
      const scene = await prepare(arena, draw);
      return {
        bookings: scene.bookings,
        left: () => left(arena, scene),
        right: () => right(arena, scene),
        first: () => first(arena, scene),
      };
    },
  };
}

/** How far the two sides are apart at the start, in ms, beyond what makes them even. */
const SKEW_MS = 3;
/**
 * Whoever came first starts later the next time: so that a race stays one, however busy the machine is. By much in the
 * beginning, by little once the sides are even.
 */
const handicapMs = (repetition: number): number => Math.max(0.25, 6 / (repetition + 1));
const MOST_AHEAD_MS = 60;
/** Repetitions between two looks at the ledger and the bank. */
const BATCH = 100;

export interface Tally {
  left: number;
  right: number;
}

/**
 * So many times from a barrier. After each batch all is settled and looked at.
 * @throws Error naming the race, its seed and what does not hold
 */
export async function run(arena: Arena, race: Race, repetitions: number, seed: number): Promise<Tally> {
  const draw = new Draw(seed);
  const tally: Tally = { left: 0, right: 0 };
  let ahead = 0;
  for (let done = 0; done < repetitions; done += BATCH) {
    const starts: Start[] = [];
    for (let n = done; n < Math.min(done + BATCH, repetitions); n++) {
      const start = await race.start(arena, draw);
      starts.push(start);
      await together(start, ahead + draw.between(-SKEW_MS, SKEW_MS));
      const side = await start.first();
      tally[side] += 1;
      const next = ahead + (side === 'left' ? handicapMs(n) : -handicapMs(n));
      ahead = Math.max(-MOST_AHEAD_MS, Math.min(MOST_AHEAD_MS, next));
    }
    await arena.settle();
    const where = `${race.name}, ${arena.bank.name}, FAIRLINE_SEED=${seed}, before repetition ${done + BATCH}`;
    const wrong = { where, ...(await endsOf(arena, race, starts)), ...Object(await arena.wrongs()) };
    expect(wrong).toEqual({ where });
  }
  return tally;
}

/** Both sides from one barrier; the left one so many ms later, or the right one where that is negative. */
async function together({ left, right }: Start, skewMs: number): Promise<void> {
  let arrived = 0;
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  const side = async (work: () => Promise<unknown>, laterMs: number): Promise<void> => {
    if (++arrived === 2) open();
    await opened;
    await pause(laterMs);
    await orRefused(work());
  };
  await Promise.all([side(left, skewMs), side(right, -skewMs)]);
}

/** Timers count in whole ms; the rest is waited for turn by turn. */
async function pause(ms: number): Promise<void> {
  if (ms <= 0) return;
  const until = performance.now() + ms;
  if (ms > 2) await sleep(Math.floor(ms - 1));
  while (performance.now() < until) await turn();
}

async function endsOf(
  arena: Arena,
  { ends }: Race,
  starts: readonly Start[],
): Promise<{ ends?: readonly string[] }> {
  const wrong: string[] = [];
  for (const { bookings } of starts) {
    const end = (await arena.states(bookings)).join(' ');
    if (!ends.has(end)) wrong.push(`${bookings.join(' ')}: ${end}`);
  }
  return wrong.length === 0 ? {} : { ends: wrong };
}
