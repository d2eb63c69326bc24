import { v7 } from 'uuid';

/** Makes identifiers. A port, so that a test can foretell them. */
export abstract class Ids {
  /** A new identifier: a UUID in lower case. */
  abstract next(): string;
}

/** UUIDs of version 7: they grow with time, so that new rows go to the end of an index. */
export class TimeOrderedIds extends Ids {
  next(): string {
    return v7();
  }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether this is an identifier as `Ids` writes them: a UUID in lower case with its hyphens. */
export const isId = (text: string): boolean => UUID.test(text);
