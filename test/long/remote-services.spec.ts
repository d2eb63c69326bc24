import { freePort } from '../../src/database/embedded/free-port.js';
import { Api, eventually, Ground, jwt, startApp, unique, type TestApp } from '../support/app.js';
import { AppProcess } from '../support/process.js';

type Json = ReturnType<typeof JSON.parse>;

/** Of each sort, one after the other. */
const ROUNDS = 10;

/** Another Fairline, as processes that end and begin on one ground. */
class Elsewhere {
  private process: AppProcess | null = null;

  private constructor(
    readonly ground: Ground,
    readonly grpcPort: number,
    private readonly port: number,
  ) {}

  static async start(): Promise<Elsewhere> {
    const elsewhere = new Elsewhere(await Ground.prepare(), await freePort(), await freePort());
    try {
      await elsewhere.start();
      return elsewhere;
    } catch (error) {
      await elsewhere.close();
      throw error;
    }
  }

  async start(): Promise<Api> {
    const env = {
      PORT: String(this.port),
      PROMETHEUS_PORT: '0',
      GRPC_PORT: String(this.grpcPort),
      LOG_LEVEL: 'info',
    };
    this.process = AppProcess.spawn([], this.ground.env(env));
    return Api.at((await this.process.listening()).url);
  }

  async kill(): Promise<void> {
    this.process?.kill('SIGKILL');
    await this.process?.ended;
  }

  get api(): Promise<Api> {
    return Api.at(`http://127.0.0.1:${this.port}`);
  }

  async close(): Promise<void> {
    await this.process?.stop();
    await this.ground.release();
  }
}

describe('a Fairline that is the ticket, booking and realtime service of another', () => {
  let far: Elsewhere;
  let near: TestApp;
  const closing: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    far = await Elsewhere.start();
    closing.push(() => far.close());
    const url = `127.0.0.1:${far.grpcPort}`;
    near = await startApp({
      GRPC_TICKET_SERVICE_URL: url,
      GRPC_BOOKING_SERVICE_URL: url,
      GRPC_REALTIME_SERVICE_URL: url,
      GRPC_CLIENT_DEADLINE_MS: '500',
      GRPC_CLIENT_TOKEN: await jwt({ sub: 'near', role: 'service', exp: Date.now() }),
    });
    closing.push(() => near.close());
  }, 90_000);
  afterAll(async () => {
    for (const close of closing.reverse()) await close();
  });

  /** Somebody who pays, somebody who leaves, somebody who is too late. */
  const round = async ({ eventId }: Json): Promise<void> => {
    const { api } = near;
    const [, leaver] = await Promise.all([
      api.book({ eventId }, { ticketType: 'standing', paymentMethod: 'pm_ok' }),
      api.book({ eventId }, { ticketType: 'standing' }),
      api.book({ eventId }, { ticketType: 'hasty' }),
    ]);
    await api.until(leaver, 'held');
    await api.delete(`/api/bookings/${leaver.bookingId}`, leaver.token).expect(200);
  };
  const ourEnds = async (): Promise<Record<string, string>> => {
    const rows = await near.ground.sql(`select id, state from booking`);
    return Object.fromEntries(
      rows.map(({ id, state }) => [id, state === 'confirmed' ? 'confirmed' : 'released']),
    );
  };

  it('is killed in mid-sale and comes back: the sale goes on, and everything has been told once in effect', async () => {
    const eventId = unique('event');
    for (const api of [await far.api, near.api]) {
      await api.offer({ eventId, capacity: 1000 });
      await api.offer({ eventId, capacity: 1000, ticketType: 'hasty', holdSeconds: 1 });
    }
    for (let done = 0; done < ROUNDS; done++) {
      if (done === ROUNDS / 2) await far.kill();
      await round({ eventId });
    }
    const settled = await eventually('every booking settled, with nobody there to tell', async () => {
      const rows = await near.ground.sql(
        `select from booking where state in ('confirmed', 'cancelled', 'expired')`,
      );
      return rows.length === 3 * ROUNDS ? rows.length : null;
    });
    expect(settled).toBe(3 * ROUNDS);
    expect((await near.ground.sql('select from remote_telling')).length).toBeGreaterThan(0);

    await far.start();
    await eventually('everything told', async () => {
      const [{ count }] = await near.ground.sql('select count(*)::integer from remote_telling');
      return count === 0 ? true : null;
    });
    const reservations = await far.ground.sql('select booking_id, state from reservation');
    expect(Object.fromEntries(reservations.map(({ booking_id, state }) => [booking_id, state]))).toEqual(
      await ourEnds(),
    );
    const effects = await far.ground.sql(
      `select action, count(*)::integer, count(distinct detail->>'bookingId')::integer as bookings
       from audit_event where action like 'reservation.%' group by action order by action`,
    );
    expect(effects).toEqual([
      { action: 'reservation.confirmed', count: ROUNDS, bookings: ROUNDS },
      { action: 'reservation.released', count: 2 * ROUNDS, bookings: 2 * ROUNDS },
      { action: 'reservation.reserved', count: 3 * ROUNDS, bookings: 3 * ROUNDS },
    ]);
    const booked = await far.ground.sql('select customer_id from booking');
    const confirmed = await near.ground.sql(`select customer_id from booking where state = 'confirmed'`);
    expect(booked.map(({ customer_id }) => customer_id).sort()).toEqual(
      confirmed.map(({ customer_id }) => customer_id).sort(),
    );
    expect([await near.api.broken(), await (await far.api).broken()]).toEqual([{}, {}]);
  }, 120_000);
});
