import { randomFillSync, randomInt } from 'node:crypto';
import { v7 } from 'uuid';

/** Makes identifiers. A port, so that a test can foretell them. */
export abstract class Ids {
  /** A new identifier: a UUID in lower case. */
  abstract next(): string;
}

/** Random bytes are drawn for so many ids at once: a draw costs more than all the rest of making one. */
const DRAW_IDS = 512;
const ID_BYTES = 16;
const NUMBERS = 2048;

/**
 * UUIDs of version 7: they grow with time, so that new rows go to the end of an index. What a process makes one after
 * the other is numbered in eleven bits (`numberIn`), so that a queue with partitions can deal them out evenly.
 */
export class TimeOrderedIds extends Ids {
  private readonly drawn = new Uint8Array(DRAW_IDS * ID_BYTES);
  private at = this.drawn.length;
  private number = randomInt(NUMBERS);

  next(): string {
    if (this.at === this.drawn.length) {
      randomFillSync(this.drawn);
      this.at = 0;
    }
    const random = this.drawn.subarray(this.at, this.at + ID_BYTES);
    this.at += ID_BYTES;
    this.number = (this.number + 1) % NUMBERS;
    // the version 7 of `uuid` takes what follows the time from here: seven bits and the upper half of a byte
    random[6] = this.number >>> 4;
    random[7] = ((this.number & 0x0f) << 4) | ((random[7] ?? 0) & 0x0f);
    return v7({ random });
  }
}

const NUMBER_PLACE = /^[0-9a-f]{8}-[0-9a-f]{4}-7([0-9a-f]{3})-/;

/** The number that its process gave to an id, below 2,048; null where it is none of version 7. */
export function numberIn(id: string): number | null {
  const digits = NUMBER_PLACE.exec(id)?.[1];
  return digits === undefined ? null : Number.parseInt(digits, 16);
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether this is an identifier as `Ids` writes them: a UUID in lower case with its hyphens. */
export const isId = (text: string): boolean => UUID.test(text);
