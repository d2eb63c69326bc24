import { setTimeout as sleep } from 'node:timers/promises';
import type { AppProcess } from '../../bench/support/app-process.js';
import { STEPS, type StepName } from '../../src/booking/booking.js';
import { freePort } from '../../src/database/embedded/free-port.js';
import { allConfirmed, arrive, Books, violations } from '../integration/kill/crowd.js';
import { payIfHeld } from '../integration/kill/customer.js';
import { eventually, Place } from '../integration/kill/place.js';

/** One step is slow, so that a kill falls into it; the others pass at once. */
const slowAt = (step: StepName): Record<string, string> => ({
  STEP_SECONDS: STEPS.map((name) => (name === step ? '2' : '0')).join(','),
  WORKER_CONCURRENCY: '40',
});
/** A card without magic: the bank's faults apply to it. Money must be right all the same. */
const CARD = 'pm_card';
const FAULTS = { SANDBOX_ERROR_RATE: '0.1', SANDBOX_UNKNOWN_RATE: '0.1', PAYMENT_SETTLE_AFTER_SECONDS: '3' };
const KILLS = 8;

describe('processes that are killed again and again', () => {
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

  it.each(STEPS)(
    'worker after worker is killed during the step %s, and every booking is confirmed once',
    async (step) => {
      const api = await place.start('api');
      books = await Books.open(place.databaseUrl);
      await place.offer(api.url, { eventId: step, capacity: 30 });
      const arriving = arrive(api.url, step, 30, 20);
      for (let kills = 0; kills < 2; kills += 1) {
        const worker = await place.start('worker', slowAt(step));
        await eventually(`bookings are at ${step}`, async () =>
          (await books.atStep()).get(step) ? true : null,
        );
        await sleep(1000);
        await worker.kill();
      }
      await arriving;
      const resumed = books.resumed(await books.atWork());
      await place.start('worker');
      process.stderr.write(`${step}: another worker went on after ${await resumed} ms\n`);
      await allConfirmed(books, 30, 120_000);
      expect(await violations(place)).toEqual([]);
    },
    240_000,
  );

  it('api and worker processes are killed by turns under a bank with faults, and all settles by itself', async () => {
    const port = String(await freePort());
    const start = {
      api: () => place.start('api', { PORT: port }),
      worker: () => place.start('worker', { ...slowAt('pdf'), ...FAULTS }),
    };
    let [api, worker]: [AppProcess, AppProcess] = [await start.api(), await start.worker()];
    await place.offer(api.url, { eventId: 'by-turns', capacity: 400 });
    const arriving = arrive(api.url, 'by-turns', 400, 100, CARD);
    for (let kills = 0; kills < KILLS; kills += 1) {
      await sleep(1500);
      if (kills % 2 === 0) {
        await worker.kill();
        worker = await start.worker();
      } else {
        await api.kill();
        api = await start.api();
      }
    }
    const customers = await arriving;
    // Attempts that nobody knew the end of are voided, and those customers are asked to pay again.
    await eventually(
      'nobody is asked to pay any more',
      async () => {
        for (const customer of customers) await payIfHeld(api.url, customer, CARD);
        const rows = await books.rows();
        return rows.some(({ state }) => state === 'paying' || state === 'held') ? null : true;
      },
      200_000,
    );
    await allConfirmed(books, 400, 100_000);
    expect(await violations(place)).toEqual([]);
    expect([await worker.stop(), await api.stop()]).toEqual([0, 0]);
  }, 480_000);
});
