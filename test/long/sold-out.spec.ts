import { setTimeout as sleep } from 'node:timers/promises';
import { io, type Socket } from 'socket.io-client';
import { Ledger } from '../../src/booking/ledger/ledger.js';
import { Database } from '../../src/database/database.js';
import { freePort } from '../../src/database/embedded/free-port.js';
import type { ClientEvents, ServerEvents } from '../../src/realtime/events.js';
import { Api, eventually, Ground, JWT_SECRET, jwt } from '../support/app.js';
import { accept, ACTOR, newOffer } from '../support/ledger.js';
import { AppProcess } from '../support/process.js';
import { acceptStays, newRooms } from '../support/stays.js';

jest.setTimeout(300_000);

const SOCKETS = 200;
const BATCH = 500;
/** What is promised for lines of up to 10,000. */
const PROMISED_MS = 2000;

/** A customer who waits with a page open; remembers when it was told that it is sold out. */
class Waiting {
  toldAt: number | null = null;

  private constructor(private readonly socket: Socket<ServerEvents, ClientEvents>) {}

  static async at(url: string, token: string, bookingId: string, seq: number): Promise<Waiting> {
    const socket: Socket<ServerEvents, ClientEvents> = io(url, {
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
      auth: { token },
    });
    const waiting = new Waiting(socket);
    // Of a stay by an event of its own, of tickets by one of the line.
    socket.on('booking', ({ state }) => {
      if (state === 'sold_out') waiting.toldAt ??= Date.now();
    });
    socket.on('line', ({ soldOut }) => {
      if (soldOut !== null && soldOut.throughSeq >= seq) waiting.toldAt ??= Date.now();
    });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('connect_error', reject);
    });
    const answer = await socket.timeout(10_000).emitWithAck('join', { bookingId });
    if (!answer.ok || answer.snapshot.state !== 'waiting') throw new Error('it does not wait in the line');
    return waiting;
  }

  close(): void {
    this.socket.disconnect();
  }
}

describe('When the last unit is sold for good', () => {
  let ground: Ground;
  let db: Database;
  let processes: AppProcess[];
  beforeEach(async () => {
    ground = await Ground.prepare();
    db = new Database(ground.databaseUrl, 2);
    processes = [];
  });
  afterEach(async () => {
    await Promise.all(processes.map((process) => process.stop()));
    await db.close();
    await ground.release();
  });

  async function start(role: 'api' | 'worker'): Promise<string> {
    const ports = { PORT: String(await freePort()), PROMETHEUS_PORT: String(await freePort()) };
    const process = AppProcess.spawn(
      ['--role', role],
      ground.env({ ...ports, JWT_SECRET, LOG_LEVEL: 'info' }),
    );
    processes.push(process);
    return (await process.listening()).url;
  }

  /** A line of that many behind one who holds the only ticket, or the only room of a night. */
  async function fill(
    what: 'tickets' | 'stays',
    many: number,
  ): Promise<{ holder: string; waiting: string[] }> {
    const ledger = new Ledger(db);
    const isStay = what === 'stays';
    const { id } = isStay ? await newRooms({ ledger }, 3, 1) : await newOffer({ ledger }, { capacity: 1 });
    const join = async (count: number): Promise<string[]> => {
      const accepted = isStay
        ? await acceptStays({ ledger }, id, Array<[number, number]>(count).fill([2, 2]))
        : await accept({ ledger }, id, Array<number>(count).fill(1));
      return accepted.map(({ bookingId }) => bookingId);
    };
    const [holder = ''] = await join(1);
    await ledger.admit(id, ACTOR);
    const waiting: string[] = [];
    while (waiting.length < many) waiting.push(...(await join(Math.min(BATCH, many - waiting.length))));
    return { holder, waiting };
  }

  it.each([
    ['tickets', 10_000],
    ['tickets', 100_000],
    ['stays', 10_000],
  ] as const)('everybody who waits with a page open is told: %s, %i waiting', async (what, many) => {
    const { holder, waiting } = await fill(what, many);
    const [url] = await Promise.all([start('api'), start('worker')]);
    const token = await jwt({ sub: 'operator', role: 'operator' });
    const api = await Api.at(url);
    const pages: Waiting[] = [];
    try {
      for (let n = 0; n < SOCKETS; n++) {
        const place = Math.floor((n * (waiting.length - 1)) / (SOCKETS - 1));
        // The first seq is the holder's.
        pages.push(await Waiting.at(url, token, waiting[place] ?? '', place + 2));
      }
      await sleep(1000);
      expect(pages.filter(({ toldAt }) => toldAt !== null)).toEqual([]);
      await api.post(`/api/bookings/${holder}/payment`, { paymentMethod: 'pm_ok' }, token).expect(202);
      await eventually(
        'everybody told',
        async () => (pages.every(({ toldAt }) => toldAt !== null) ? true : null),
        60_000,
      );
      const [decision] = await ground.sql(
        `select extract(epoch from at) * 1000 as at from audit_event where booking_id = $1 and to_state = 'paid'`,
        [holder],
      );
      const rowsDone = await eventually(
        'the rows written',
        async () => {
          const [left] = await ground.sql(
            `select count(*)::integer as n from booking where state = 'waiting'`,
          );
          return left.n === 0 ? Date.now() : null;
        },
        120_000,
      );
      const delays = pages
        .map(({ toldAt }) => (toldAt ?? Infinity) - Number(decision.at))
        .sort((a, b) => a - b);
      const [median, last] = [delays[SOCKETS >> 1] ?? Infinity, delays.at(-1) ?? Infinity];
      process.stdout.write(
        `${many} waiting for ${what}, ${SOCKETS} sockets: told after ${median.toFixed(0)} ms (median), the last after ` +
          `${last.toFixed(0)} ms; all rows written after ${(rowsDone - Number(decision.at)).toFixed(0)} ms\n`,
      );
      // What is told of tickets does not wait for the rows; of stays each is told with its own.
      if (what === 'tickets') for (const { toldAt } of pages) expect(toldAt).toBeLessThan(rowsDone);
      if (many <= 10_000) expect(last).toBeLessThan(PROMISED_MS);
    } finally {
      for (const page of pages) page.close();
    }
  });
});
