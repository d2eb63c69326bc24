import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { Ledger } from '../../../src/booking/ledger/ledger.js';
import type { Acceptance } from '../../../src/booking/ledger/types.js';
import { Database } from '../../../src/database/database.js';
import { LineViews } from '../../../src/realtime/line-views.js';
import { type NightWindow, windowOf } from '../../../src/realtime/night-window.js';
import { placeInLine } from '../../../src/realtime/place.js';
import { startApp, type TestApp } from '../../support/app.js';
import { ACTOR, openLedger, type TestLedger } from '../../support/ledger.js';
import { acceptStays, newRooms, night } from '../../support/stays.js';
import { StayWatcher } from './stay-watcher.js';

jest.setTimeout(60_000);

const NIGHTS = 8;
type Nights = readonly [first: number, last: number];

/** The window of the nights `first` to `last` of an offer, both included. */
function windowFor([first, last]: Nights): NightWindow {
  const window = windowOf({ checkIn: night(first), checkOut: night(last + 1) });
  if (window === null) throw new Error('these are no nights');
  return window;
}

/** By the rows alone: those who wait, share a night and came no later. */
const TRUTH = `select b.id, b.seq::integer as seq, (select count(*)::integer from booking o
    where o.offer_id = b.offer_id and o.state = 'waiting' and o.seq <= b.seq
      and o.first_day <= b.last_day and o.last_day >= b.first_day) as position
  from booking b where b.offer_id = $1 and b.state = 'waiting'`;

describe('views of a line of rooms, of the real ledger', () => {
  let t: TestLedger;
  let views: LineViews;
  beforeAll(async () => {
    t = await openLedger();
    views = new LineViews(t.ledger);
  });
  afterAll(async () => {
    views.close();
    await t.close();
  });

  it('answer position and wait exactly as the acceptance did', async () => {
    const { id } = await newRooms(t, 6, 2);
    const taken = await acceptStays(t, id, [[2, 3]]);
    await t.ledger.admit(id, ACTOR);
    await t.ledger.pay(taken[0]?.bookingId ?? '', 'pm_ok', null, ACTOR);
    await t.ledger.sendAttempt(taken[0]?.bookingId ?? '', 1);
    await t.ledger.recordCharge(taken[0]?.bookingId ?? '', 1, { kind: 'captured' }, ACTOR);
    await t.ledger.changeOffer(id, { nights: [{ from: night(5), to: night(5), capacity: 7 }] }, ACTOR);
    const stays: Nights[] = [[1, 2], [5, 6], [2, 2], [3, 5], [2, 3], [1, 1], [4, 6], [1, 6]]; // prettier-ignore
    const accepted = await acceptStays(t, id, stays);
    for (const [index, { seq, position, estimatedWaitSeconds, version }] of accepted.entries()) {
      expect(await views.position(id, seq, version, windowFor(stays[index] ?? [1, 1]))).toEqual({
        waiting: true,
        position,
        estimatedWaitSeconds,
        version,
      });
    }
    expect(accepted.map(({ estimatedWaitSeconds }) => estimatedWaitSeconds)).toContain(600);
  });

  it('follow any history to the places that the rows give, in every window', async () => {
    const nights = fc
      .tuple(fc.integer({ min: 1, max: NIGHTS }), fc.integer({ min: 0, max: 3 }))
      .map(([first, more]): Nights => [first, Math.min(NIGHTS, first + more)]);
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.array(nights, { minLength: 1, maxLength: 8 }) },
      { weight: 3, arbitrary: fc.nat() },
      { weight: 2, arbitrary: fc.constantFrom('admit' as const, 'look' as const) },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3 }),
        fc.array(step, { maxLength: 15 }),
        async (rooms, steps) => {
          const { id } = await newRooms(t, NIGHTS, rooms, { limitPerCustomer: 1000 });
          const all: (Acceptance & { readonly window: NightWindow })[] = [];
          const look = async (): Promise<(number | null)[]> => {
            const version = (await t.ledger.readLine(id, null))?.state.version ?? 0;
            const places = await Promise.all(
              all.map((one) => views.position(id, one.seq, version, one.window)),
            );
            return places.map((place) => (place.waiting ? place.position : null));
          };
          for (const what of steps) {
            if (what === 'admit') await t.ledger.admit(id, ACTOR);
            else if (what === 'look') await look();
            else if (typeof what === 'number') {
              const picked = all[what % Math.max(1, all.length)]?.bookingId ?? randomUUID();
              await t.ledger.cancel(picked, ACTOR).catch(() => null);
            } else {
              const accepted = await acceptStays(t, id, what);
              all.push(...accepted.map((one, at) => ({ ...one, window: windowFor(what[at] ?? [1, 1]) })));
            }
          }
          const truth = new Map((await t.sql(TRUTH, [id])).map(({ seq, position }) => [seq, position]));
          expect(await look()).toEqual(all.map(({ seq }) => truth.get(seq) ?? null));
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe('the board of a line of rooms', () => {
  let app: TestApp;
  let db: Database;
  let rooms: Pick<TestLedger, 'ledger'>;
  const watchers: StayWatcher[] = [];
  beforeAll(async () => {
    app = await startApp();
    db = new Database(app.ground.databaseUrl, 2);
    rooms = { ledger: new Ledger(db) };
  });
  afterEach(() => watchers.splice(0).forEach((watcher) => watcher.close()));
  afterAll(async () => {
    await db.close();
    await app.close();
  });

  const book = async (hotelId: string, [first, last]: Nights, more = {}) =>
    await app.api.book({ hotelId }, { checkIn: night(first), checkOut: night(last + 1), ...more });
  const watch = async (accepted: {
    bookingId: string;
    token: string;
    position: number;
  }): Promise<StayWatcher> => {
    const watcher = await StayWatcher.of(app.api.url, accepted);
    watchers.push(watcher);
    return watcher;
  };
  const truth = async (offerId: string): Promise<Map<string, number>> =>
    new Map((await app.ground.sql(TRUTH, [offerId])).map(({ id, position }) => [id, position]));
  const settled = async (what: string, holds: () => boolean | Promise<boolean>): Promise<void> => {
    const until = performance.now() + 20_000;
    while (!(await holds())) {
      if (performance.now() > until) throw new Error(`not within 20 s: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  };

  it('places everybody among those who share a night, by events and by asking, and nobody ever rises', async () => {
    const { id } = await newRooms(rooms, NIGHTS, 1);
    const stays = Array.from({ length: 30 }, (_, index): Nights => {
      const first = 1 + ((index * 5) % NIGHTS);
      return [first, Math.min(NIGHTS, first + (index % 3))];
    });
    const accepted = [];
    for (const stay of stays) accepted.push(await book(id, stay));
    const crowd = await Promise.all(accepted.map(watch));
    const agree = async (): Promise<boolean> => {
      // until then a worker may still grant what has come free
      const [line] = await app.ground.sql(
        'select wanted = admitted as quiet from booking_line where offer_id = $1',
        [id],
      );
      if (!line.quiet) return false;
      const places = await truth(id);
      return crowd.every((watcher) => (watcher.position ?? null) === (places.get(watcher.bookingId) ?? null));
    };
    await settled('everybody has a place', agree);
    for (const at of [0, 7, 1, 12, 3, 20, 2]) {
      const { bookingId, token } = accepted[at];
      await app.api.delete(`/api/bookings/${bookingId}`, token).expect(200);
      await settled(`everybody moved up after ${at}`, agree);
    }
    for (const { bookingId, token } of accepted) {
      const polled = await app.api.read({ bookingId, token });
      const own = crowd.find((watcher) => watcher.bookingId === bookingId);
      expect(polled.position).toBe(own?.position);
      expect(own?.risen).toEqual([]);
    }
    expect(crowd.filter(({ movedByLine }) => movedByLine > 0).length).toBeGreaterThan(5);
  });

  it('moves nobody, and tells nobody, when a stay of other nights is granted or leaves', async () => {
    const { id } = await newRooms(rooms, NIGHTS, 1);
    const [first, second, far, farBehind, farLast] = [
      await book(id, [1, 3]),
      await book(id, [2, 4]),
      await book(id, [6, 7]),
      await book(id, [7, 8]),
      await book(id, [6, 8]),
    ];
    await Promise.all([app.api.until(first, 'held'), app.api.until(far, 'held')]);
    const [near, other] = [await watch(second), await watch(farLast)];
    expect([near.position, other.position]).toEqual([1, 2]);
    await app.api.delete(`/api/bookings/${far.bookingId}`, far.token).expect(200);
    await app.api.until(farBehind, 'held');
    await settled('the one of the same nights moved up', () => other.position === 1);
    expect(near.lines).toEqual([]);
    expect((await app.api.read(second)).position).toBe(1);
  });

  it('tells a socket with several stays which nights each event is about', async () => {
    const { id } = await newRooms(rooms, NIGHTS, 1);
    const holders = [await book(id, [1, 2]), await book(id, [5, 6])];
    await Promise.all(holders.map((holder) => app.api.until(holder, 'held')));
    const ahead = [await book(id, [1, 1]), await book(id, [5, 5])];
    const mine = [await book(id, [1, 2]), await book(id, [5, 6])];
    const operator = { ...mine[0], token: app.api.operator };
    const watcher = await watch(operator);
    const joined = await watcher.join(mine[1].bookingId);
    expect(joined).toMatchObject({
      ok: true,
      snapshot: { stay: { checkIn: night(5), checkOut: night(7) }, position: 2 },
      line: { offerId: id, stay: { checkIn: night(5), checkOut: night(7) }, waiting: 2 },
    });
    for (const { bookingId, token } of ahead) {
      await app.api.delete(`/api/bookings/${bookingId}`, token).expect(200);
    }
    const last = (checkIn: string) => watcher.lines.filter(({ stay }) => stay?.checkIn === checkIn).at(-1);
    await settled(
      'both lines are told',
      () => last(night(1))?.waiting === 1 && last(night(5))?.waiting === 1,
    );
    for (const [index, { seq }] of mine.entries()) {
      const event = last(night(1 + 4 * index));
      expect(event && placeInLine(event, seq, 1)).toMatchObject({ kind: 'waiting', position: 1 });
    }
  });

  it('tells each stay that is sold out by an event of its own', async () => {
    const { id } = await newRooms(rooms, NIGHTS, 1);
    const winner = await book(id, [1, 4], { paymentMethod: 'pm_ok' });
    const losers = [await book(id, [4, 5]), await book(id, [1, 2])];
    const still = await book(id, [5, 6]);
    const crowd = await Promise.all(losers.map(watch));
    await app.api.until(winner, 'confirmed');
    await settled('all who lost are told', () =>
      crowd.every(({ bookings }) => bookings.at(-1)?.state === 'sold_out'),
    );
    expect(crowd.flatMap(({ bookings }) => bookings.map(({ stay }) => stay?.checkIn))).toEqual([
      night(4),
      night(1),
    ]);
    await app.api.until(still, 'held');
  });
});
