import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { io, type Socket } from 'socket.io-client';
import type { AppProcess, LogLine } from '../../../bench/support/app-process.js';
import type { BookingSnapshot } from '../../../src/booking/booking.js';
import type { ClientEvents, JoinAnswer, ServerEvents } from '../../../src/realtime/events.js';
import { checkInvariants } from '../../../scripts/ledger-check.js';
import { book, stateOf, type Accepted } from './customer.js';
import { eventually, Place } from './place.js';

const CLUSTER = { API_PROCESSES: '2' };

const says =
  (words: string) =>
  (line: LogLine): boolean =>
    String(line['message']).includes(words);

/** The process ids that stood or stand at a place, oldest first. */
const processesOf = (app: AppProcess, name: string): number[] =>
  app.lines.filter(says(`${name} is `)).map((line) => Number(line['processId']));

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('API_PROCESSES above 1', () => {
  let place: Place;
  let app: AppProcess;

  beforeAll(async () => {
    place = await Place.prepare();
    app = await place.start('all', CLUSTER);
  }, 60_000);
  afterAll(async () => {
    await place.close();
  });

  const ready = async (): Promise<number> => (await fetch(`${app.metricsUrl}/health/ready`)).status;
  const confirmed = (bookings: readonly Accepted[]): Promise<true> =>
    eventually('all are confirmed', async () => {
      const states = await Promise.all(bookings.map((booking) => stateOf(app.url, booking)));
      return states.every((state) => state === 'confirmed') ? true : null;
    });

  it('says once where it listens, when every process is ready', async () => {
    expect(app.lines.filter((line) => line['event'] === 'listening')).toMatchObject([{ processes: 3 }]);
    expect(await ready()).toBe(200);
    expect(processesOf(app, 'api process 1')).toHaveLength(1);
    expect(processesOf(app, 'api process 2')).toHaveLength(1);
    expect(processesOf(app, 'the worker process')).toHaveLength(1);
  });

  it('sells through all of its processes, and counts what they did together', async () => {
    await place.offer(app.url, { eventId: 'together', capacity: 20 });
    const bookings = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        book(app.url, { userId: `together-${index}`, eventId: 'together', paymentMethod: 'pm_ok' }),
      ),
    );
    expect(new Set(bookings.map(({ seq }) => seq)).size).toBe(20);
    await confirmed(bookings);
    const metrics = await (await fetch(`${app.metricsUrl}/metrics`)).text();
    expect(metrics).toMatch(/^fairline_bookings_accepted_total 20$/m);
    expect(metrics).toMatch(/^fairline_bookings_settled_total\{state="confirmed"\} 20$/m);
  }, 60_000);

  it('spreads connections, so that a process that hangs holds up the one that it was given', async () => {
    const [hanging = 0] = processesOf(app, 'api process 1');
    process.kill(hanging, 'SIGSTOP');
    let answered = 0;
    const requests = Array.from({ length: 10 }, async () => {
      const response = await fetch(`${app.url}/health/live`, { headers: { connection: 'close' } });
      expect(response.status).toBe(200);
      answered += 1;
    });
    await eventually('nine are answered', () => Promise.resolve(answered === 9 ? true : null));
    process.kill(hanging, 'SIGCONT');
    await Promise.all(requests);
    expect(answered).toBe(10);
  }, 60_000);

  it('pushes to sockets on every process, by the WebSocket transport, what the worker process does', async () => {
    await place.offer(app.url, { eventId: 'sockets', capacity: 4 });
    const seen = await Promise.all(
      Array.from({ length: 4 }, async (_, index) => {
        const wish = { userId: `socket-${index}`, eventId: 'sockets', paymentMethod: 'pm_ok' };
        return await watchToTheEnd(app.url, await book(app.url, wish));
      }),
    );
    expect(seen).toEqual(Array.from({ length: 4 }, () => 'confirmed'));
  }, 60_000);

  it('loses nothing when an api process and the worker process are killed, and has both back', async () => {
    await place.offer(app.url, { eventId: 'killed', capacity: 60 });
    const bookings: Promise<Accepted>[] = [];
    for (let index = 0; index < 60; index += 1) {
      bookings.push(book(app.url, { userId: `killed-${index}`, eventId: 'killed', paymentMethod: 'pm_ok' }));
      if (index === 20) process.kill(processesOf(app, 'api process 2').at(-1) ?? 0, 'SIGKILL');
      if (index === 30) process.kill(processesOf(app, 'the worker process').at(-1) ?? 0, 'SIGKILL');
      await sleep(10);
    }
    const accepted = await Promise.all(bookings);
    expect(new Set(accepted.map(({ bookingId }) => bookingId)).size).toBe(60);
    await app.heard(says('api process 2 is back'), 30_000);
    await app.heard(says('the worker process is back'), 30_000);
    await confirmed(accepted);
    const report = await checkInvariants(place.databaseUrl);
    expect(Object.values(report).flatMap(({ violations }) => violations)).toEqual([]);
    await eventually('ready again', async () => ((await ready()) === 200 ? true : null));
  }, 90_000);

  it('ends all of its processes on SIGTERM, once what was accepted is answered', async () => {
    const own = await place.start('api', { ...CLUSTER, SHUTDOWN_TIMEOUT_SECONDS: '5' });
    const pids = [...processesOf(own, 'api process 1'), ...processesOf(own, 'api process 2')];
    expect(pids.map(isAlive)).toEqual([true, true]);
    expect(await own.stop()).toBe(0);
    expect(pids.map(isAlive)).toEqual([false, false]);
  }, 60_000);

  it('gives up in words where its processes cannot start', async () => {
    const taken = createServer();
    const port = await new Promise<number>((resolve) => {
      taken.listen(0, '127.0.0.1', () => {
        const address = taken.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
    const { code, app: failed } = await place.runToEnd('api', { ...CLUSTER, PORT: String(port) });
    taken.close();
    expect(code).toBe(1);
    expect(failed.errors).toMatch(/api process [12] could not start \(code 1\)/);
    expect(failed.lines.some((line) => JSON.stringify(line).includes('EADDRINUSE'))).toBe(true);
  }, 60_000);
});

/** Joins by a socket and follows what it is pushed, until the booking is settled. @returns how */
async function watchToTheEnd(url: string, { bookingId, token }: Accepted): Promise<string> {
  const socket: Socket<ServerEvents, ClientEvents> = io(url, {
    transports: ['websocket'],
    auth: { token },
    forceNew: true,
  });
  try {
    return await new Promise<string>((resolve, reject) => {
      const look = ({ state }: BookingSnapshot): void => {
        if (state === 'confirmed') resolve(state);
      };
      socket.on('connect_error', reject);
      socket.on('booking', look);
      socket.on('connect', () => {
        socket.emit('join', { bookingId }, (answer: JoinAnswer) => {
          if (answer.ok) look(answer.snapshot);
          else reject(new Error(answer.code));
        });
      });
    });
  } finally {
    socket.disconnect();
  }
}
