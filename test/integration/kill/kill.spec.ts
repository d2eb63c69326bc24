import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../../src/database/embedded/free-port.js';
import { allConfirmed, arrive, Books, everyStepIsAtWork, violations } from './crowd.js';
import { Place } from './place.js';

/** Bookings come for longer than one of them takes: at some moment each step has some at work. */
const BOOKINGS = 60;
const ARRIVAL_MS = 8000;
const SLOW = {
  STEP_SECONDS: '1,1,1,1,1',
  WORKER_CONCURRENCY: '60',
};

describe('a process that is killed', () => {
  let place: Place;
  let books: Books;

  beforeEach(async () => {
    place = await Place.prepare();
    books = await Books.open(place.databaseUrl);
  }, 60_000);
  afterEach(async () => {
    await books.close();
    await place.close();
  }, 60_000);

  it('is a worker between any two effects: another one carries each booking on, and no effect happens twice', async () => {
    const [api, first] = [await place.start('api'), await place.start('worker', SLOW)];
    await place.offer(api.url, { eventId: 'steps', capacity: BOOKINGS });
    const arriving = arrive(api.url, 'steps', BOOKINGS, ARRIVAL_MS / BOOKINGS);
    await everyStepIsAtWork(books);
    const second = place.start('worker', SLOW);
    await first.kill();
    const resumed = books.resumed(await books.atWork());
    await Promise.all([arriving, second]);
    process.stderr.write(`another worker went on with them after ${await resumed} ms\n`);
    await allConfirmed(books, BOOKINGS, 60_000);
    expect(await violations(place)).toEqual([]);
  }, 120_000);

  it('is an api with requests in flight: clients that ask again by their key lose no place and get no second one', async () => {
    const port = String(await freePort());
    const worker = await place.start('worker');
    const api = await place.start('api', { PORT: port });
    await place.offer(api.url, { eventId: 'asked-again', capacity: 150 });
    const arriving = arrive(api.url, 'asked-again', 150, 10);
    await sleep(500);
    await api.kill();
    await place.start('api', { PORT: port });
    const accepted = await arriving;
    expect(new Set(accepted.map(({ bookingId }) => bookingId)).size).toBe(150);
    expect(accepted.map(({ seq }) => seq).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 150 }, (_, index) => index + 1),
    );
    await allConfirmed(books, 150, 60_000);
    expect(await violations(place)).toEqual([]);
    expect(await worker.stop()).toBe(0);
  }, 120_000);
});
