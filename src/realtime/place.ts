import type { LineEvent } from './events.js';

/** Where a `line` event puts one booking that was waiting when its client last heard of it. */
export type Place =
  | {
      readonly kind: 'waiting';
      /**
       * Never less than the true position at the event's version, so showing it promises nothing that is not so.
       * Exact where none has left the booking's own bucket, or all that could have left it have.
       */
      readonly position: number;
      /** Never more than the true position at that version: equal to `position` where that is exact. */
      readonly least: number;
    }
  /** It waits no more: held, left, or sold out row by row. Its own event or a question tells which. */
  | { readonly kind: 'departed' }
  /** If it was waiting when the line sold out, it is `sold_out`. A question tells. */
  | { readonly kind: 'covered' };

/**
 * Places the booking `seq`, of `quantity` units, in its line from what everybody is told.
 *
 * Departures are known per bucket only. Those of the own bucket may have stood before or behind: `position`
 * counts as behind as many as there is room for, `least` counts as many as possible before. A client
 * shows the smaller of `position` and what it showed last; both are upper bounds, so that stays true and never rises.
 */
export function placeInLine(event: LineEvent, seq: number, quantity: number): Place {
  if (seq < event.front) return { kind: 'departed' };
  const { soldOut } = event;
  if (soldOut !== null && seq <= soldOut.throughSeq && quantity >= soldOut.minQuantity)
    return { kind: 'covered' };
  const bucket = Math.floor(seq / event.bucketSize);
  const first = Math.max(event.front, bucket * event.bucketSize);
  const last = Math.max(seq, Math.min(event.last, (bucket + 1) * event.bucketSize - 1));
  let before = 0;
  let inside = 0;
  for (const [index, departed] of event.departed) {
    if (index < bucket) before += departed;
    else if (index === bucket) inside = departed;
  }
  if (inside > last - first) return { kind: 'departed' };
  const ahead = seq - event.front - before;
  return {
    kind: 'waiting',
    position: 1 + ahead - Math.max(0, inside - (last - seq)),
    least: 1 + ahead - Math.min(inside, seq - first),
  };
}
