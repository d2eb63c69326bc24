import { setTimeout as sleep } from 'node:timers/promises';
import { allConfirmed, arrive, Books, violations } from './crowd.js';
import { startBroker, type Broker, type Technology } from './brokers.js';
import { book } from './customer.js';
import { eventually, Place } from './place.js';

/** Each step takes a while, so that whatever happens falls into the middle of many. */
const SLOW = { STEP_SECONDS: '0.2,0.2,0.2,0.2,0.2', WORKER_CONCURRENCY: '10' };
/** Shorter than any outage: whoever expires in it was not protected by having given a payment method. */
const HOLD_SECONDS = 2;

export interface Loss {
  readonly count: number;
  readonly arriveMs: number;
  readonly withinMs: number;
  /** What happens to the broker in mid-sale. */
  readonly happens: (broker: Broker, sale: Sale) => Promise<void>;
}

/** What a test may look at while it happens. */
export interface Sale {
  /** `GET /health/ready` of the api. */
  readiness(): Promise<{ status: number; text: string }>;
  /** Somebody asks now; resolves with the state once it is accepted. */
  accepts(name: string): Promise<void>;
}

/**
 * A sale on this technology during which something happens to its broker: everybody who gave a payment method gets
 * their ticket, in order, and nobody expires for it.
 */
export async function sellThrough(technology: Technology, loss: Loss): Promise<void> {
  const place = await Place.prepare();
  const broker = await startBroker(technology, place.folder);
  try {
    const [api] = await Promise.all([
      place.start('api', broker.env),
      place.start('worker', { ...broker.env, ...SLOW }),
      place.start('worker', { ...broker.env, ...SLOW }),
    ]);
    const books = await Books.open(place.databaseUrl);
    let late = 0;
    try {
      const wish = { eventId: 'loss', capacity: loss.count + 10, holdSeconds: HOLD_SECONDS };
      await place.offer(api.url, wish);
      const arriving = arrive(api.url, 'loss', loss.count, loss.arriveMs / loss.count);
      await eventually('the sale is in full swing', async () =>
        (await books.rows()).some(({ state }) => state === 'confirmed') ? true : null,
      );
      await loss.happens(broker, {
        readiness: async () => {
          const answer = await fetch(`${api.url}/health/ready`);
          return { status: answer.status, text: await answer.text() };
        },
        accepts: async (name) => {
          await book(api.url, { userId: name, eventId: 'loss', paymentMethod: 'pm_ok' }, 5000);
          late += 1;
        },
      });
      await arriving;
      await allConfirmed(books, loss.count + late, loss.withinMs);
      expect(await violations(place)).toEqual([]);
      await eventually('the api is ready again', async () => {
        const answer = await fetch(`${api.url}/health/ready`);
        await answer.body?.cancel();
        return answer.status === 200 ? true : null;
      });
    } finally {
      await books.close();
    }
  } finally {
    await place.close();
    await broker.stop();
  }
}

/** Killed, away for so long, and back; meanwhile the door is open, and readiness says what is missing. */
export const goneFor =
  (ms: number): Loss['happens'] =>
  async (broker, sale) => {
    await broker.kill();
    const end = Date.now() + ms;
    await sale.accepts('came-in-the-outage');
    await eventually('readiness names the broker', async () => {
      const { status, text } = await sale.readiness();
      return status === 503 && text.includes('broker') && text.includes('BROKER_UNREACHABLE') ? true : null;
    });
    await sleep(Math.max(0, end - Date.now()));
    await sale.accepts('came-at-the-end-of-the-outage');
    await broker.resume();
  };
