import type { PoolClient, QueryResultRow } from 'pg';
import { ask, CLIENT_TIMEOUT_MS, Database, isAnswer, sqlState, type Statement } from './database.js';

/** A connection, kept once it is made, and its calls under way. */
interface Lane {
  readonly client: Promise<PoolClient>;
  calls: number;
  broken: boolean;
}

/** The process of the server behind a connection. A number comes again; with the time of its start it does not. */
interface Backend {
  readonly pid: number;
  readonly since: string;
}
const BACKEND = {
  name: 'door_backend',
  text: 'select pid, backend_start::text as since from pg_stat_activity where pid = pg_backend_pid()',
};
const ALIVE = {
  name: 'door_alive',
  text: 'select pid from pg_stat_activity where pid = $1 and backend_start = $2::timestamptz',
};
const END = {
  name: 'door_end',
  text: 'select pg_terminate_backend(pid, 1000) from pg_stat_activity where pid = $1 and backend_start = $2::timestamptz',
};
/** insufficient_privilege */
const NOT_ALLOWED = '42501';

/** What was sent on a connection that broke may yet be done. To be tried again: the code is `connection_failure`. */
class StillAtWork extends Error {
  readonly code = '08006';
}

/**
 * Connections for acceptances alone, one for each of two statements: tickets and stays do not wait for one another.
 *
 * Calls of one statement share its connection and are sent at once, each behind those under way. The server takes them in
 * that order, each as a transaction of its own, and has the next at hand when it has done with one: it need not wait until
 * this process, busy with a thousand requests, has read what the last call came to.
 *
 * What was sent on a connection that broke is over before another takes its place: done, or never to be done. So whoever
 * repeats a call is not overtaken by its first attempt.
 */
export class DoorDatabase extends Database {
  private readonly lanes = new Map<string, Lane>();
  /** By statement, who was at its calls last. */
  private readonly backends = new Map<string, Backend>();

  constructor(url: string, onIdleError: (error: Error) => void) {
    // A lane and its successor for each statement. Behind another call the second takes its time and that of the first.
    super(url, 4, onIdleError, { pipeline: true, query_timeout: 2 * CLIENT_TIMEOUT_MS });
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
      if (lane.broken || this.lanes.get(statement.name) !== lane) this.retire(statement.name, lane);
    }
  }

  override close(): Promise<void> {
    for (const [name, lane] of this.lanes) this.retire(name, lane);
    return super.close();
  }

  private open(name: string): Lane {
    const lane = { client: this.connect(name), calls: 0, broken: false };
    this.lanes.set(name, lane);
    const ended = (): void => {
      lane.broken = true;
      if (this.lanes.get(name) === lane) this.retire(name, lane);
    };
    lane.client.then((client) => client.once('end', ended), ended);
    return lane;
  }

  private async connect(name: string): Promise<PoolClient> {
    const client = await this.pool.connect();
    try {
      const last = this.backends.get(name);
      if (last !== undefined) await endBackend(client, last);
      const [backend] = await ask<Backend & QueryResultRow>(client, BACKEND, []);
      if (backend !== undefined) this.backends.set(name, backend);
      return client;
    } catch (error) {
      client.release(true);
      throw error;
    }
  }

  /** Nobody enters it any more; its connection is given back once the last of its calls is told. */
  private retire(name: string, lane: Lane): void {
    if (this.lanes.get(name) === lane) this.lanes.delete(name);
    if (lane.calls === 0) {
      lane.client.then(
        (client) => client.release(lane.broken),
        () => undefined,
      );
    }
  }
}

/** Where that is not allowed, it is waited for, try by try. */
async function endBackend(client: PoolClient, { pid, since }: Backend): Promise<void> {
  const isAlive = async (): Promise<boolean> => (await ask(client, ALIVE, [pid, since])).length > 0;
  if (!(await isAlive())) return;
  try {
    await ask(client, END, [pid, since]);
  } catch (error) {
    if (sqlState(error) !== NOT_ALLOWED) throw error;
  }
  if (await isAlive()) throw new StillAtWork('What was sent on a connection that broke is still under way');
}
