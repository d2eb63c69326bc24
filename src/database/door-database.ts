import { Database } from './database.js';

/**
 * Connections for acceptances alone. One batch is under way at a time, so that one would do; the second is there
 * when the first has just broken.
 */
export class DoorDatabase extends Database {
  constructor(url: string, onIdleError: (error: Error) => void) {
    super(url, 2, onIdleError);
  }
}
