import type { PoolClient, QueryResultRow } from 'pg';
import { ask, Database, isAnswer, type Statement } from './database.js';

/** A connection, kept once it is made, and its calls under way. */
interface Lane {
  readonly client: Promise<PoolClient>;
  calls: number;
  broken: boolean;
}

/**
 * Connections for acceptances alone, one for each statement: tickets and stays do not wait for one another.
 *
 * Calls of one statement share its connection and are sent at once, each behind those under way. The server takes them in
 * that order, each as a transaction of its own, and has the next at hand when it has done with one: it need not wait until
 * this process, busy with a thousand requests, has read what the last call came to.
 * Made for two statements: there is one connection more, for where one has just broken.
 */
export class DoorDatabase extends Database {
  private readonly lanes = new Map<string, Lane>();
  private closed = false;

  constructor(url: string, onIdleError: (error: Error) => void) {
    // Tickets, stays, and one for a while, where one has just broken.
    super(url, 3, onIdleError, { pipeline: true });
  }

  override async call<Row extends QueryResultRow>(
    statement: Statement,
    values: readonly unknown[],
  ): Promise<Row[]> {
    const lane = this.lanes.get(statement.name) ?? this.open(statement.name);
    lane.calls++;
    try {
      return await ask<Row>(await lane.client, statement, values);
    } catch (error) {
      lane.broken ||= !isAnswer(error);
      throw error;
    } finally {
      lane.calls--;
      this.leave(statement.name, lane);
    }
  }

  override close(): Promise<void> {
    this.closed = true;
    for (const [name, lane] of this.lanes) this.leave(name, lane);
    return super.close();
  }

  private open(name: string): Lane {
    const lane = { client: this.pool.connect(), calls: 0, broken: false };
    this.lanes.set(name, lane);
    const ended = (): void => {
      lane.broken = true;
      if (this.lanes.get(name) === lane) this.leave(name, lane);
    };
    // Where there is no connection to be had, the calls are told.
    lane.client.then((client) => client.once('end', ended)).catch(() => undefined);
    return lane;
  }

  /** Nobody enters a lane once it is broken, and the last one out gives its connection back. */
  private leave(name: string, { client, calls, broken }: Lane): void {
    if (this.lanes.get(name)?.client === client) {
      if (!broken && !this.closed) return;
      this.lanes.delete(name);
    }
    if (calls === 0) client.then((one) => one.release(broken)).catch(() => undefined);
  }
}
