/** A seeded source of numbers from 0 up to 1: the same seed gives the same ones on every machine. */
export type Random = () => number;

/** Mulberry32: 32 bits of state are enough for drawing behaviours and jitter. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** `ms` give or take half, so that clients that failed together do not come back together. */
export const jittered = (ms: number, random: Random): number => ms * (0.5 + random());

/** The items in a random order. */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => ({ item, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
