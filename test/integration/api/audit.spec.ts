import { randomUUID } from 'node:crypto';
import { auditPage, type AuditFilter } from '../../../src/booking/ledger/audit-pages.js';
import { Database } from '../../../src/database/database.js';
import { startApp, type TestApp } from '../../support/app.js';

jest.setTimeout(60_000);

type Json = ReturnType<typeof JSON.parse>;

/** A whole audit log of made-up events, one a minute, of three offers; the fourth had one long ago. */
const EVENTS = 3000;
const BEGUN = Date.parse('2026-01-01T00:00:00Z');
const at = (minute: number): string => new Date(BEGUN + minute * 60_000).toISOString();

describe('the audit log', () => {
  let test: TestApp;
  const booking = randomUUID();
  beforeAll(async () => {
    test = await startApp({ ROLE: 'api' });
    await test.ground.sql('truncate audit_event restart identity');
    await test.ground.sql(
      `insert into audit_event (at, offer_id, booking_id, action, actor_kind, actor_id)
       select $1::timestamptz + make_interval(mins => n), case when n = 5 then 'rare' else 'offer-' || n % 3 end,
         case when n % 1000 = 7 then $2::uuid end, 'event-' || n, 'system', 'test'
       from generate_series(0, $3::int - 1) n`,
      [at(0), booking, EVENTS],
    );
  });
  afterAll(() => test.close());

  const page = async (query: string): Promise<Json> =>
    (await test.api.get(`/api/admin/audit${query}`, test.api.operator).expect(200)).body;
  const minutesOf = (events: readonly Json[]): number[] =>
    events.map(({ action }) => Number(String(action).replace('event-', '')));
  /** Every page of a filter, by following `next`. */
  const all = async (filter: string, limit = 200): Promise<number[]> => {
    const minutes: number[] = [];
    for (let next: string | null = ''; next !== null;) {
      const before: string = next === '' ? '' : `&before=${next}`;
      const { events, next: following } = await page(`?limit=${limit}${filter}${before}`);
      minutes.push(...minutesOf(events));
      next = following;
    }
    return minutes;
  };
  const down = (from: number, to: number, step = 1): number[] =>
    Array.from({ length: Math.floor((from - to) / step) + 1 }, (_, n) => from - n * step);

  it('is read newest first, page by page, each event once', async () => {
    expect(await all('')).toEqual(down(EVENTS - 1, 0));
    expect(await all('', 7)).toEqual(down(EVENTS - 1, 0));
  });

  it('is read by offer, by booking, and by both', async () => {
    expect(await all('&offerId=offer-1')).toEqual(down(EVENTS - 2, 1, 3));
    expect(await all(`&bookingId=${booking}`)).toEqual([2007, 1007, 7]);
    expect(await all(`&bookingId=${booking}`, 2)).toEqual([2007, 1007, 7]);
    expect(await all(`&bookingId=${booking}&offerId=offer-2`)).toEqual([1007]);
    expect(await all(`&bookingId=${randomUUID()}`)).toEqual([]);
    expect(await all('&offerId=nowhere')).toEqual([]);
  });

  it('is read by time, the first moment included and the last not', async () => {
    const between = (since: number, until: number): string => `&since=${at(since)}&until=${at(until)}`;
    expect(await all(between(100, 103))).toEqual([102, 101, 100]);
    expect(await all(between(100, 1500), 200)).toEqual(down(1499, 100));
    expect(await all(`${between(5, 8)}&bookingId=${booking}`)).toEqual([7]);
    expect(await all(`${between(0, 30)}&offerId=rare`)).toEqual([5]);
    expect(await all(`&until=${at(0)}`)).toEqual([]);
    expect(await all(`&since=${at(EVENTS - 1)}`)).toEqual([EVENTS - 1]);
    expect(await all(between(-60, EVENTS + 60))).toHaveLength(EVENTS);
    expect(await all(between(10, 10))).toEqual([]);
  });

  it('looks at so many events for a page and no more: what is rare comes with a later page', async () => {
    const db = new Database(test.ground.databaseUrl, 1);
    const filter: AuditFilter = {
      ...{ offerId: 'rare', bookingId: null, before: null, since: null, until: null, limit: 50 },
    };
    try {
      const found: Json[] = [];
      let pages = 0;
      for (let before: string | null = null; ;) {
        const { events, next } = await auditPage(db, { ...filter, before }, 500);
        found.push(...events);
        pages++;
        if (next === null) break;
        before = next;
      }
      expect(minutesOf(found)).toEqual([5]);
      expect(pages).toBe(EVENTS / 500);
    } finally {
      await db.close();
    }
  });

  it('has nothing of who booked but the ids and addresses that it was given', async () => {
    const offer = await test.api.offer();
    const accepted = await test.api.book(offer, { email: 'ann@example.org' });
    await test.api.delete(`/api/bookings/${accepted.bookingId}`, accepted.token).expect(200);
    const { events } = await page(`?offerId=${offer.id}`);
    expect(events.map(({ action }: Json) => action)).toEqual(['cancel', 'accept', 'offer.create']);
    expect(JSON.stringify(events)).not.toContain('example.org');
  });

  it('is asked for properly or not at all', async () => {
    for (const query of [
      '?before=x',
      '?since=yesterday',
      '?until=2026-02-30T00:00:00Z',
      '?limit=201',
      '?bookingId=1',
    ]) {
      const { body } = await test.api.get(`/api/admin/audit${query}`, test.api.operator).expect(400);
      expect({ query, code: body.code }).toEqual({ query, code: 'VALIDATION_FAILED' });
    }
  });
});
