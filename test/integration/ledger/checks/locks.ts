import type { Client } from 'pg';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  accept,
  accepted,
  ACTOR,
  letterOf,
  MAX_LENGTH,
  newOffer,
  payFor,
  requestFor,
  ticketsOf,
  type TestLedger,
} from '../../../support/ledger.js';
import type { Checks } from './check.js';

const LOCK_LINE = 'select from booking_line where offer_id = $1 for no key update';
const PATIENCE_MS = 5000;

/** One booking in each state that a verb may find. */
interface Scene {
  readonly offerId: string;
  readonly waiting: string;
  readonly held: string;
  readonly paying: string;
  readonly done: string;
  readonly letter: string;
}

async function sceneOf(world: TestLedger): Promise<Scene> {
  const { ledger } = world;
  const { id: offerId } = await newOffer(world, { capacity: 4 });
  const all = await accept(world, offerId, [1, 1, 1, 1, 4]);
  const [held, paying, done, dead, waiting] = all.map(({ bookingId }) => bookingId) as [
    string,
    string,
    string,
    string,
    string,
  ];
  await ledger.admit(offerId, ACTOR);
  await ledger.pay(paying, 'pm_ok', null, ACTOR);
  await ledger.pay(done, 'pm_ok', null, ACTOR);
  await ledger.recordStep(done, 'validate', 0, null, ACTOR);
  await ledger.recordCharge(done, 2, { kind: 'captured' }, ACTOR);
  await ledger.recordDocument(done, ticketsOf(done, 1), Buffer.from('%PDF'), ACTOR);
  await ledger.recordStep(done, 'email', 80, null, ACTOR);
  await payFor(world, dead);
  const letter = await ledger.openDeadLetter(letterOf(dead), ACTOR);
  await world.sql(`update booking set deadline = now() - interval '1 s' where id = $1`, [held]);
  return { offerId, waiting, held, paying, done, letter: letter?.id ?? '' };
}

const THEIRS = { bookingId: 'theirs', fence: 1, state: 'reserved', quantity: 1 } as const;

/** Every verb that changes stock, or who waits. */
const VERBS: Readonly<Record<string, (world: TestLedger, scene: Scene) => Promise<unknown>>> = {
  accept: ({ ledger }, { offerId }) => ledger.accept([requestFor(offerId)], MAX_LENGTH),
  admit: ({ ledger }, { offerId }) => ledger.admit(offerId, ACTOR),
  pay: ({ ledger }, { held }) => ledger.pay(held, 'pm_ok', null, ACTOR).catch(() => null),
  'record a charge': ({ ledger }, { paying }) => ledger.recordCharge(paying, 2, { kind: 'captured' }, ACTOR),
  cancel: ({ ledger }, { held }) => ledger.cancel(held, ACTOR),
  expire: ({ ledger }, { offerId }) => ledger.expire(offerId, ACTOR),
  'check a sell-out': ({ ledger }, { offerId }) => ledger.checkSellOut(offerId, ACTOR),
  'write a sell-out': ({ ledger }, { offerId }) => ledger.writeSellOut(offerId, ACTOR),
  confirm: ({ ledger }, { done }) => ledger.confirm(done, ACTOR),
  refund: ({ ledger }, { letter }) => ledger.resolveDeadLetter(letter, 'discarded', null, ACTOR),
  'refund on request': ({ ledger }, { done }) => ledger.refund(done, 'BY_OPERATOR', false, null, ACTOR),
  'tell of a reservation': ({ ledger }, { offerId }) =>
    ledger.tellReservation('another', { ...THEIRS, offerId }, ACTOR).catch(() => null),
  'change an offer': ({ ledger }, { offerId }) => ledger.changeOffer(offerId, { capacity: 9 }, ACTOR),
};

/** Resolves once a verb waits for a lock, and fails where it comes to its end instead. */
export async function waitsForALock(
  world: TestLedger,
  verb: string,
  running: Promise<unknown>,
): Promise<void> {
  const state = { ended: false };
  const end = (): void => {
    state.ended = true;
  };
  running.then(end, end);
  const begun = Date.now();
  while (Date.now() - begun < PATIENCE_MS) {
    const waiting = await world.sql(
      `select from pg_stat_activity
       where datname = current_database() and application_name = 'fairline' and wait_event_type = 'Lock'`,
    );
    if (waiting.length > 0) return;
    if (state.ended) throw new Error(`${verb} did not wait for the line`);
    await sleep(5);
  }
  throw new Error(`${verb} neither waits for the line nor ends`);
}

const isFree = async (session: Client, statement: string, offerId: string): Promise<boolean> => {
  await session.query('begin');
  try {
    await session.query(`${statement} nowait`, [offerId]);
    return true;
  } catch {
    return false;
  } finally {
    await session.query('rollback');
  }
};

const OTHERS = {
  stock: 'select from stock where offer_id = $1 for update',
  bookings: 'select from booking where offer_id = $1 for update',
  'dead letters':
    'select from dead_letter where booking_id in (select id from booking where offer_id = $1) for update',
};

export const locks: Checks = {
  'every verb that moves units or places waits for the line first, and holds nothing else meanwhile': async (
    world,
  ) => {
    const [holder, prober] = [await world.session(), await world.session()];
    for (const [verb, call] of Object.entries(VERBS)) {
      const scene = await sceneOf(world);
      await holder.query('begin');
      await holder.query(LOCK_LINE, [scene.offerId]);
      const running = call(world, scene);
      try {
        await waitsForALock(world, verb, running);
        for (const [what, statement] of Object.entries(OTHERS)) {
          const free = await isFree(prober, statement, scene.offerId);
          expect({ verb, what, free }).toEqual({ verb, what, free: true });
        }
      } finally {
        await holder.query('rollback');
        await running.catch(() => undefined);
      }
      await running;
    }
  },

  'whoever opens or decides a dead letter takes the booking first, and no letter meanwhile': async (
    world,
  ) => {
    const [holder, prober] = [await world.session(), await world.session()];
    const deciding = (state: 'replayed' | 'discarded') => (letter: string, _booking: string) =>
      world.ledger.resolveDeadLetter(letter, state, null, ACTOR);
    const calls: Readonly<Record<string, (letter: string, booking: string) => Promise<unknown>>> = {
      open: (_letter, booking) => world.ledger.openDeadLetter(letterOf(booking), ACTOR),
      replay: deciding('replayed'),
      discard: deciding('discarded'),
    };
    for (const [verb, call] of Object.entries(calls)) {
      const { offerId, letter } = await sceneOf(world);
      const [row] = await world.sql<{ id: string }>(
        'select booking_id as id from dead_letter where id = $1',
        [letter],
      );
      const booking = row?.id ?? '';
      await holder.query('begin');
      await holder.query('select from booking where id = $1 for no key update', [booking]);
      const running = call(letter, booking);
      try {
        await waitsForALock(world, verb, running);
        const free = await isFree(prober, OTHERS['dead letters'], offerId);
        expect({ verb, free }).toEqual({ verb, free: true });
      } finally {
        await holder.query('rollback');
        await running.catch(() => undefined);
      }
      await running;
    }
  },

  'a batch takes its lines in the order of their ids, whatever the order of its requests': async (world) => {
    const [holder, prober] = [await world.session(), await world.session()];
    const ids = (await Promise.all([newOffer(world), newOffer(world)])).map(({ id }) => id).sort();
    const [low, high] = ids as [string, string];
    for (const [held, other, otherIsFree] of [
      [high, low, false],
      [low, high, true],
    ] as const) {
      await holder.query('begin');
      await holder.query(LOCK_LINE, [held]);
      const running = world.ledger.accept(
        [high, low].map((id) => requestFor(id)),
        MAX_LENGTH,
      );
      await waitsForALock(world, 'accept', running);
      expect({ held, free: await isFree(prober, LOCK_LINE, other) }).toEqual({ held, free: otherIsFree });
      await holder.query('rollback');
      await running;
    }
  },

  'a grant reads what was committed while it waited for the line': async (world) => {
    const { id } = await newOffer(world, { capacity: 1 });
    await accept(world, id, [1]);
    const other = await world.session();
    await other.query('begin');
    await world.within(other).admit(id, ACTOR);
    await world.within(other).changeOffer(id, { capacity: 2 }, ACTOR);
    await world.within(other).accept([requestFor(id)], MAX_LENGTH);
    const admission = world.ledger.admit(id, ACTOR);
    await waitsForALock(world, 'admit', admission);
    await other.query('commit');
    // Created, accepted, granted, changed, accepted: this is the line's sixth version.
    expect(await admission).toMatchObject({ bookings: [{ seq: 2, version: 6 }], line: { version: 6 } });
  },

  'an acceptance comes after whatever it waited for at the line': async (world) => {
    const { id } = await newOffer(world, { capacity: 1 });
    await accept(world, id, [1]);
    const other = await world.session();
    await other.query('begin');
    const granted = await world.within(other).admit(id, ACTOR);
    const answer = world.ledger.accept([requestFor(id)], MAX_LENGTH);
    await waitsForALock(world, 'accept', answer);
    await other.query('commit');
    const { position, version } = accepted((await answer).outcomes[0]);
    expect({ position, version }).toEqual({ position: 1, version: (granted?.line.version ?? 0) + 1 });
  },
};

export const timeouts: Checks = {
  'a line that somebody else keeps locked makes calls fail in bounded time, and succeed after': async (
    world,
  ) => {
    const { id } = await newOffer(world, { capacity: 5 });
    await accept(world, id, [1]);
    const holder = await world.session();
    await holder.query('begin');
    await holder.query(LOCK_LINE, [id]);
    const request = requestFor(id);
    const calls = [world.ledger.accept([request], MAX_LENGTH), world.ledger.admit(id, ACTOR)];
    const ends = await Promise.race([
      Promise.allSettled(calls),
      sleep(30_000, 'still waiting', { ref: false }),
    ]);
    expect(ends).toEqual([
      {
        status: 'rejected',
        reason: expect.objectContaining({ code: expect.stringMatching(/^(55P03|57014)$/) }),
      },
      {
        status: 'rejected',
        reason: expect.objectContaining({ code: expect.stringMatching(/^(55P03|57014)$/) }),
      },
    ]);
    await holder.query('rollback');
    expect(accepted((await world.ledger.accept([request], MAX_LENGTH)).outcomes[0]).seq).toBe(2);
    expect((await world.ledger.admit(id, ACTOR))?.bookings).toHaveLength(2);
  },
};
