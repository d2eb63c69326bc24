import { randomUUID } from 'node:crypto';
import { AppError } from '../../../src/common/errors.js';
import { ACTOR, newOffer, openLedger, type TestLedger } from '../../support/ledger.js';
import { acceptStays, dayFromNow, newRooms, night } from '../../support/stays.js';

describe('An offer that cannot be meant', () => {
  let t: TestLedger;
  beforeAll(async () => void (t = await openLedger()));
  afterAll(() => t.close());

  /** What it is refused for; null where it is not. */
  async function problemOf(call: Promise<unknown>): Promise<unknown> {
    try {
      await call;
      return null;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return { code: error.code, ...error.details };
    }
  }
  const kinds = {
    tickets: (id: string, timeZone: string) => newOffer(t, { id, timeZone }),
    rooms: (id: string, timeZone: string) => newRooms(t, 3, 1, { id, timeZone }),
  };

  it.each([
    ['tickets', '+01:00'],
    ['rooms', '+01:00'],
    ['tickets', 'UTC+1'],
    ['rooms', 'Europe/Atlantis'],
    ['tickets', 'Europe/Atlantis'],
    ['rooms', 'CEST'],
    ['rooms', 'CET'],
    ['tickets', ''],
  ] as const)('is refused with all that belongs to it: %s at "%s"', async (kind, timeZone) => {
    const id = randomUUID();
    expect(await problemOf(kinds[kind](id, timeZone))).toEqual({
      code: 'OFFER_INVALID',
      problem: 'TIME_ZONE_UNKNOWN',
    });
    for (const table of ['booking_line', 'stock', 'offer_terms', 'audit_event']) {
      expect(await t.sql(`select from ${table} where offer_id = $1`, [id])).toEqual([]);
    }
    expect(await t.ledger.offer(id)).toBeNull();
  });

  it.each(['Europe/Vienna', 'europe/vienna', 'Etc/GMT+5', 'America/Port-au-Prince', 'UTC', 'Asia/Calcutta'])(
    'is not one at "%s", where stays can be had',
    async (timeZone) => {
      expect(await problemOf(kinds.tickets(randomUUID(), timeZone))).toBeNull();
      const { id } = await newRooms(t, 3, 1, { timeZone });
      expect((await acceptStays(t, id, [[1, 2]])).map(({ seq }) => seq)).toEqual([1]);
    },
  );

  it('is one with nights more than 800 days ahead, whether created or changed, and nothing of it is done', async () => {
    const lastNight = dayFromNow(800);
    const refusal = { code: 'OFFER_INVALID', problem: 'NIGHTS_TOO_FAR_AHEAD', lastNight };
    const until = (to: string) => [
      { from: night(1), to: night(1), capacity: 5 },
      { from: dayFromNow(790), to, capacity: 1 },
    ];
    const id = randomUUID();
    expect(await problemOf(newRooms(t, 0, 0, { id, nights: until(dayFromNow(801)) }))).toEqual(refusal);
    expect(await t.ledger.offer(id)).toBeNull();
    expect(await newRooms(t, 0, 0, { id, nights: until(lastNight) })).toMatchObject({ lastNight });
    for (const to of [dayFromNow(801), '9999-12-31']) {
      expect(await problemOf(t.ledger.changeOffer(id, { nights: until(to) }, ACTOR))).toEqual(refusal);
    }
    const [first] = (await t.ledger.offerNights(id, night(1), night(1))) ?? [];
    expect(first).toMatchObject({ capacity: 5, available: 5 });
    expect(await t.ledger.offer(id)).toMatchObject({ lastNight });
  });
});
