import {
  ACTOR,
  broken,
  chargesAsTold,
  codeOf,
  MAX_LENGTH,
  openLedger,
  payFor,
  refusalOf,
  stateOf,
  type TestLedger,
} from '../../support/ledger.js';
import { acceptStays, dayFromNow, newRooms, night, stayFor } from '../../support/stays.js';

describe('A line of stays', () => {
  let t: TestLedger;
  beforeAll(async () => void (t = await openLedger()));
  afterAll(() => t.close());
  afterEach(async () => expect(await broken(t, await chargesAsTold(t))).toEqual({}));

  const states = async (bookings: readonly { bookingId: string }[]): Promise<string[]> =>
    Promise.all(bookings.map(({ bookingId }) => stateOf(t, bookingId)));
  const codes = async (...requests: ReturnType<typeof stayFor>[]): Promise<string[]> =>
    (await t.ledger.acceptStays(requests, MAX_LENGTH)).outcomes.map(codeOf);
  const available = async (offerId: string, nights: number): Promise<(number | undefined)[]> =>
    ((await t.ledger.offerNights(offerId, night(1), night(nights))) ?? []).map((n) => n.available);

  it('holds all nights of a stay together or none, and prices them together', async () => {
    const { id } = await newRooms(t, 3, 1);
    const stays = await acceptStays(t, id, [
      [1, 2],
      [2, 3],
      [3, 3],
    ]);
    const granted = await t.ledger.admit(id, ACTOR);
    expect(granted?.bookings.map((b) => [b.seq, b.stay, b.price.amountMinor])).toEqual([
      [1, { checkIn: night(1), checkOut: night(3), begins: `${night(1)}T15:00:00.000Z` }, 18000],
      [3, { checkIn: night(3), checkOut: night(4), begins: `${night(3)}T15:00:00.000Z` }, 9000],
    ]);
    expect(await states(stays)).toEqual(['held', 'waiting', 'held']);
    expect(await available(id, 3)).toEqual([0, 0, 0]);
  });

  it('counts as place only those who share a night, on acceptance and in every batch', async () => {
    const { id } = await newRooms(t, 10, 1);
    const first = await acceptStays(t, id, [
      [1, 2],
      [4, 6],
      [2, 4],
      [8, 9],
      [1, 9],
    ]);
    expect(first.map((s) => [s.seq, s.position])).toEqual([
      [1, 1],
      [2, 1],
      [3, 3],
      [4, 1],
      [5, 5],
    ]);
    const later = await acceptStays(t, id, [
      [3, 3],
      [10, 10],
      [6, 8],
    ]);
    expect(later.map((s) => s.position)).toEqual([3, 1, 4]);
    await t.ledger.cancel(first[4]?.bookingId ?? '', ACTOR);
    expect((await acceptStays(t, id, [[9, 10]])).map((s) => s.position)).toEqual([3]);
  });

  it('gives a night that comes back to the first who fits, however long others waited who do not', async () => {
    const { id } = await newRooms(t, 5, 1);
    const stays = await acceptStays(t, id, [
      [1, 5],
      [1, 5],
      [3, 4],
      [3, 3],
      [2, 2],
      [3, 3],
    ]);
    await t.ledger.admit(id, ACTOR);
    expect(await states(stays)).toEqual(['held', 'waiting', 'waiting', 'waiting', 'waiting', 'waiting']);
    await t.ledger.changeOffer(id, { nights: [{ from: night(3), to: night(3), capacity: 2 }] }, ACTOR);
    await t.ledger.admit(id, ACTOR);
    expect(await states(stays)).toEqual(['held', 'waiting', 'waiting', 'held', 'waiting', 'waiting']);
    await t.ledger.cancel(stays[0]?.bookingId ?? '', ACTOR);
    await t.ledger.admit(id, ACTOR);
    expect(await states(stays)).toEqual(['cancelled', 'held', 'waiting', 'held', 'waiting', 'waiting']);
    await t.ledger.cancel(stays[1]?.bookingId ?? '', ACTOR);
    await t.ledger.admit(id, ACTOR);
    expect(await states(stays)).toEqual(['cancelled', 'cancelled', 'held', 'held', 'held', 'waiting']);
    expect(await available(id, 5)).toEqual([1, 0, 0, 0, 1]);
  });

  it('grants everybody in chunks, in order, where much is free', async () => {
    const { id } = await newRooms(t, 40, 3);
    const stays = await acceptStays(
      t,
      id,
      Array.from({ length: 60 }, (_, i) => [1 + ((i * 7) % 38), 3 + ((i * 7) % 38)] as const),
    );
    const seqs: number[] = [];
    for (let more = true; more;) {
      const granted = await t.ledger.admit(id, ACTOR, 7);
      seqs.push(...(granted?.bookings.map((b) => b.seq) ?? []));
      more = granted?.more ?? false;
    }
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
    expect(seqs.length).toBeGreaterThan(20);
    expect((await states(stays)).filter((s) => s === 'held')).toHaveLength(seqs.length);
    expect((await t.ledger.admit(id, ACTOR))?.bookings).toEqual([]);
  });

  it('refuses what can never be a stay here, each with its code', async () => {
    const { id } = await newRooms(t, 5, 2, {
      minNights: 2,
      maxNights: 3,
      maxQuantity: 2,
      limitPerCustomer: 2,
    });
    const at = (firstNight: string, lastNight: string, quantity = 1) => ({
      ...stayFor(id, [1, 2]),
      stay: { firstNight, lastNight },
      quantity,
    });
    expect(
      await codes(
        at(dayFromNow(-1), dayFromNow(1)),
        at(dayFromNow(367), dayFromNow(369)),
        at(night(1), night(1)),
        at(night(1), night(4)),
        at(night(5), night(6)),
        at(night(1), night(2), 3),
        at(night(1), night(2), 2),
        stayFor('nowhere', [1, 2]),
      ),
    ).toEqual([
      'CHECK_IN_PAST',
      'TOO_FAR_AHEAD',
      'STAY_TOO_SHORT',
      'STAY_TOO_LONG',
      'NIGHT_NOT_ON_SALE',
      'LIMIT_PER_CUSTOMER',
      'ACCEPTED',
      'OFFER_NOT_FOUND',
    ]);
    await t.ledger.changeOffer(id, { paused: true }, ACTOR);
    expect(await codes(stayFor(id, [1, 2]))).toEqual(['OFFER_PAUSED']);
  });

  it('counts the limit of a customer by night', async () => {
    const { id } = await newRooms(t, 6, 9, { limitPerCustomer: 2 });
    const own = { customerId: 'guest' };
    expect(await codes(stayFor(id, [1, 3], own))).toEqual(['ACCEPTED']);
    expect(await codes(stayFor(id, [3, 5], own))).toEqual(['ACCEPTED']);
    expect(await codes(stayFor(id, [3, 3], own))).toEqual(['LIMIT_PER_CUSTOMER']);
    expect(await codes(stayFor(id, [4, 4], own))).toEqual(['ACCEPTED']);
    expect(await codes(stayFor(id, [4, 6], own))).toEqual(['LIMIT_PER_CUSTOMER']);
    expect(await codes(stayFor(id, [6, 6], { ...own, quantity: 2 }))).toEqual(['ACCEPTED']);
  });

  it('is full for those alone who share a night with so many', async () => {
    const { id } = await newRooms(t, 9, 1);
    await t.ledger.acceptStays(
      [
        [1, 2],
        [2, 3],
        [2, 2],
      ].map(([a, b]) => stayFor(id, [a ?? 0, b ?? 0])),
      3,
    );
    const { outcomes } = await t.ledger.acceptStays(
      [stayFor(id, [2, 9]), stayFor(id, [3, 9]), stayFor(id, [5, 6])],
      3,
    );
    expect(outcomes.map(codeOf)).toEqual(['LINE_FULL', 'ACCEPTED', 'ACCEPTED']);
  });

  it('is sold out for whoever needs a night that is sold for good, and for them alone', async () => {
    const { id } = await newRooms(t, 4, 1);
    const stays = await acceptStays(t, id, [
      [2, 2],
      [1, 2],
      [3, 4],
      [2, 4],
      [1, 1],
    ]);
    await t.ledger.admit(id, ACTOR);
    await payFor(t, stays[0]?.bookingId ?? '');
    expect((await t.ledger.dueLines()).writeSellOut).toContain(id);
    const written = await t.ledger.writeSellOut(id, ACTOR);
    expect(written.bookings.map((b) => [b.seq, b.state])).toEqual([
      [2, 'sold_out'],
      [4, 'sold_out'],
    ]);
    expect(written).toMatchObject({ written: 2, done: true });
    expect((await t.ledger.dueLines()).writeSellOut).not.toContain(id);
    expect(await codes(stayFor(id, [2, 3]))).toEqual(['SOLD_OUT']);
  });

  it('is sold out for whoever would have begun', async () => {
    const { id } = await newRooms(t, 2, 1);
    const stays = await acceptStays(t, id, [
      [1, 1],
      [1, 1],
      [2, 2],
    ]);
    await t.ledger.admit(id, ACTOR);
    await t.sql(
      `update booking set check_in = now() - interval '1 minute' where offer_id = $1 and first_day = $2`,
      [id, night(1)],
    );
    expect((await t.ledger.dueLines()).writeSellOut).toContain(id);
    await t.ledger.writeSellOut(id, ACTOR);
    expect(await states(stays)).toEqual(['held', 'sold_out', 'held']);
    expect(await refusalOf(t.ledger.pay(stays[0]?.bookingId ?? '', 'pm_ok', null, ACTOR))).toBe(
      'OFFER_CLOSED',
    );
  });

  it('takes no capacity that somebody holds or has, and what is taken sells others out', async () => {
    const { id } = await newRooms(t, 3, 2);
    const stays = await acceptStays(t, id, [
      [1, 2],
      [2, 3],
      [2, 2],
    ]);
    await t.ledger.admit(id, ACTOR);
    const cut = (capacity: number) =>
      t.ledger.changeOffer(id, { nights: [{ from: night(2), to: night(2), capacity }] }, ACTOR);
    expect(await refusalOf(cut(1))).toBe('CAPACITY_BELOW_SOLD');
    await payFor(t, stays[0]?.bookingId ?? '');
    await t.ledger.cancel(stays[1]?.bookingId ?? '', ACTOR);
    await cut(1);
    await t.ledger.writeSellOut(id, ACTOR);
    expect(await states(stays)).toEqual(['paid', 'cancelled', 'sold_out']);
  });
});
