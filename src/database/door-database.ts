import { Database } from './database.js';

/**
 * Connections for acceptances alone. One batch of tickets and one of stays are under way at a time; the third is there
 * when one has just broken.
 */
export class DoorDatabase extends Database {
  constructor(url: string, onIdleError: (error: Error) => void) {
    super(url, 3, onIdleError);
  }
}
