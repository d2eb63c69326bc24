import { Client } from 'pg';
import type { AppProcess } from '../../bench/support/app-process.js';
import { allConfirmed, arrive, Books, violations } from '../integration/kill/crowd.js';
import { startBroker, type Broker, type Technology } from '../integration/kill/brokers.js';
import { eventually, Place } from '../integration/kill/place.js';

const BACKLOG = 1000;
const DEAD = 5;
/** Nothing answers there: the e-mail step fails for good at once. */
const NO_MAIL = { SMTP_URL: 'smtp://127.0.0.1:1', JOB_ATTEMPTS: '1' };

type Env = Readonly<Record<string, string>>;

describe('QUEUE_TYPE is changed between restarts', () => {
  it('with a backlog and open dead letters: all are served, in order, and none is forgotten', async () => {
    const place = await Place.prepare();
    const brokers = new Map<Technology, Broker>();
    for (const technology of ['streams', 'kafka', 'bullmq-redis'] as const)
      brokers.set(technology, await startBroker(technology, `${place.folder}/${technology}`));
    const books = await Books.open(place.databaseUrl);
    const envOf = (technology: Technology): Env => brokers.get(technology)?.env ?? {};
    try {
      let expected = 0;
      const legs: readonly (readonly [from: Env, to: Env])[] = [
        [{}, envOf('streams')],
        [envOf('streams'), envOf('kafka')],
        [envOf('kafka'), envOf('bullmq-redis')],
        [envOf('bullmq-redis'), {}],
      ];
      for (const [leg, [from, to]] of legs.entries()) {
        const eventId = `leg-${leg}`;
        const offerId = await backlog(place, from, eventId);
        expected += DEAD + BACKLOG;
        await serve(place, to, eventId, async () => {
          await allConfirmed(books, expected, 300_000);
        });
        expect(await violations(place)).toEqual([]);
        expect(await outOfOrder(place.databaseUrl, offerId)).toEqual([]);
      }
    } finally {
      await books.close();
      await place.close();
      for (const broker of brokers.values()) await broker.stop();
    }
  }, 1_500_000);
});

/** Dead letters of paid bookings, and a thousand accepted that no worker has seen; then everything stops. @returns the offer's id */
async function backlog(place: Place, env: Env, eventId: string): Promise<string> {
  const api = await place.start('api', env);
  const offerId = await place.offer(api.url, { eventId, capacity: DEAD + BACKLOG });
  const worker = await place.start('worker', { ...env, ...NO_MAIL });
  await arrive(api.url, eventId, DEAD, 10);
  await eventually('the dead letters are open', async () =>
    (await openLetters(api, place.token)).length === DEAD ? true : null,
  );
  expect(await worker.stop()).toBe(0);
  await arrive(api.url, eventId, BACKLOG, 2, 'pm_ok', `${eventId}-backlog`);
  expect(await api.stop()).toBe(0);
  return offerId;
}

/** On the other technology: everybody is served, and the dead letters are replayed. */
async function serve(place: Place, env: Env, eventId: string, done: () => Promise<void>): Promise<void> {
  const [api, ...workers] = await Promise.all([
    place.start('api', env),
    place.start('worker', env),
    place.start('worker', env),
  ]);
  const letters = await openLetters(api, place.token);
  expect({ eventId, letters: letters.length }).toEqual({ eventId, letters: DEAD });
  for (const id of letters) {
    const answer = await fetch(`${api.url}/api/admin/dead-letters/${id}/replay`, {
      method: 'POST',
      headers: { authorization: `Bearer ${place.token}` },
    });
    expect(answer.status).toBe(200);
  }
  await done();
  for (const app of [api, ...workers]) expect(await app.stop()).toBe(0);
}

async function openLetters(api: AppProcess, token: string): Promise<string[]> {
  const answer = await fetch(`${api.url}/api/admin/dead-letters?state=open`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const body: unknown = await answer.json();
  const letters: unknown = Object(body).deadLetters;
  return Array.isArray(letters) ? letters.map((letter: unknown) => String(Object(letter).id)) : [];
}

/** Grants that were not in the order of the line's numbers, and what is missing or too much. */
async function outOfOrder(url: string, offerId: string): Promise<string[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ seq: string }>(
      `select b.seq from audit_event e join booking b on b.id = e.booking_id
       where e.offer_id = $1 and e.action = 'grant' order by e.version, e.ordinal`,
      [offerId],
    );
    const wrong = rows.flatMap(({ seq }, index) =>
      Number(seq) === index + 1 ? [] : [`grant ${index + 1} went to number ${seq}`],
    );
    return rows.length === DEAD + BACKLOG ? wrong : [`${rows.length} grants`, ...wrong];
  } finally {
    await client.end();
  }
}
