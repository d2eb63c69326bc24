import type { PoolClient } from 'pg';
import { Database } from './database.js';

/**
 * Connections for acceptances alone. One batch of tickets and one of stays are under way at a time; the third is there
 * when one has just broken.
 *
 * They are kept once they are made: a pool hands its own out in a later tick, after everything that the answers of the
 * last batch cause, and the database would be idle until then.
 */
export class DoorDatabase extends Database {
  private readonly kept: PoolClient[] = [];
  private closed = false;

  constructor(url: string, onIdleError: (error: Error) => void) {
    super(url, 3, onIdleError);
    this.pool.on('connect', (client) => void client.once('end', () => this.forget(client)));
  }

  protected override take(): PoolClient | null {
    return this.kept.pop() ?? null;
  }

  protected override giveBack(client: PoolClient, broken: boolean): void {
    if (broken || this.closed) client.release(broken);
    else this.kept.push(client);
  }

  /** One that has broken while nobody used it. */
  private forget(client: PoolClient): void {
    const index = this.kept.indexOf(client);
    if (index < 0) return;
    this.kept.splice(index, 1);
    client.release(true);
  }

  override close(): Promise<void> {
    this.closed = true;
    for (const client of this.kept.splice(0)) client.release();
    return super.close();
  }
}
