import type { LineEvent } from './events.js';
import type { SeqSet } from './seq-set.js';

/** Most buckets of departures that one `line` event carries: about 0.7 kB. */
const MAX_BUCKETS = 64;
/** Departures in so many places are told number by number; more are counted in buckets, at first this wide. */
const FIRST_BUCKET = 32;

type Departures = Pick<LineEvent, 'bucketSize' | 'departed'>;

/**
 * Which numbers from the front to the last one do not wait: number by number where they are few, else in buckets, as
 * narrow as fit.
 */
export function departures(waiting: SeqSet, front: number, last: number): Departures {
  const gone = last - front + 1 - waiting.size;
  if (gone <= MAX_BUCKETS) return { bucketSize: 1, departed: oneByOne(waiting, front, last, gone) };
  let bucketSize = FIRST_BUCKET;
  let departed = inBuckets(waiting, front, last, bucketSize);
  while (departed.length > MAX_BUCKETS) {
    bucketSize *= 2;
    departed = halved(departed);
  }
  return { bucketSize, departed };
}

function oneByOne(waiting: SeqSet, front: number, last: number, gone: number): [number, number][] {
  const goneThrough = (seq: number): number => seq + 1 - front - waiting.countBelow(seq + 1);
  const found: [number, number][] = [];
  let low = front;
  while (found.length < gone) {
    // the next one that left is the first number through which more have gone than were found
    let high = last;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (goneThrough(middle) > found.length) high = middle;
      else low = middle + 1;
    }
    found.push([low, 1]);
    low += 1;
  }
  return found;
}

function inBuckets(waiting: SeqSet, front: number, last: number, size: number): [number, number][] {
  const found: [number, number][] = [];
  let below = waiting.countBelow(front);
  for (let bucket = Math.floor(front / size); bucket * size <= last; bucket += 1) {
    const first = Math.max(front, bucket * size);
    const end = Math.min(last + 1, (bucket + 1) * size);
    const reached = waiting.countBelow(end);
    const gone = end - first - (reached - below);
    if (gone > 0) found.push([bucket, gone]);
    below = reached;
  }
  return found;
}

/** The same departures in buckets twice as wide. */
function halved(departed: readonly (readonly [number, number])[]): [number, number][] {
  const wider: [number, number][] = [];
  for (const [bucket, gone] of departed) {
    const index = Math.floor(bucket / 2);
    const last = wider.at(-1);
    if (last?.[0] === index) last[1] += gone;
    else wider.push([index, gone]);
  }
  return wider;
}
