import { randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';

/** Makes identifiers. A port, so that a test can foretell them. */
export abstract class Ids {
  /** A new identifier: a UUID in lower case. */
  abstract next(): string;
}

/** Random bytes are drawn for so many ids at once: a draw costs more than all the rest of making one. */
const DRAW_IDS = 512;
const ID_BYTES = 16;

/** UUIDs of version 7: they grow with time, so that new rows go to the end of an index. */
export class TimeOrderedIds extends Ids {
  private readonly drawn = new Uint8Array(DRAW_IDS * ID_BYTES);
  private at = this.drawn.length;

  next(): string {
    if (this.at === this.drawn.length) {
      randomFillSync(this.drawn);
      this.at = 0;
    }
    const random = this.drawn.subarray(this.at, this.at + ID_BYTES);
    this.at += ID_BYTES;
    return v7({ random });
  }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether this is an identifier as `Ids` writes them: a UUID in lower case with its hyphens. */
export const isId = (text: string): boolean => UUID.test(text);
