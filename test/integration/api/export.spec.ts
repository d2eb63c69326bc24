import { randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Ledger } from '../../../src/booking/ledger/ledger.js';
import { eventually, startApp, type TestApp } from '../../support/app.js';

jest.setTimeout(120_000);

type Json = ReturnType<typeof JSON.parse>;

const BOOKINGS = 20_000;
/** As the service asks for them. */
const PAGE = 1000;

describe('the export of bookings', () => {
  let test: TestApp;
  let offer: Json;
  let other: Json;
  beforeAll(async () => {
    test = await startApp({ ROLE: 'api' });
    // Two lines that grew in turns, so that neither order of ids is that of a line.
    [offer, other] = [await test.api.offer({ capacity: 0 }), await test.api.offer({ capacity: 0 })];
    await test.ground.sql(
      `insert into booking (id, offer_id, seq, customer_id, quantity, first_day, last_day, state, version, accepted_version,
         price_minor, currency, accepted_at, accepted_position, accepted_wait, correlation_id, email)
       select gen_random_uuid(), case when n % 2 = 0 then $1 else $2 end, (n + 1) / 2, 'fan ' || n, 1, '2999-06-19', '2999-06-19',
         'cancelled', 2, 2, 4500, 'EUR', now(), 1, 0, 'correlation', repeat('a', 200) || n || '@example.org'
       from generate_series(1, $3::int) n`,
      [offer.id, other.id, BOOKINGS],
    );
  });
  afterAll(() => test.close());

  const path = (query = ''): string => `/api/admin/bookings.ndjson${query}`;
  const linesOf = async (query = ''): Promise<Json[]> => {
    const { text } = await test.api.get(path(query), test.api.operator).buffer(true).expect(200);
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  };
  const ids = (lines: readonly Json[]): string[] => lines.map(({ id }) => id);

  it('has each of 20,000 bookings once, offer by offer in the order of their lines', async () => {
    const lines = await linesOf();
    expect(lines).toHaveLength(BOOKINGS);
    expect(new Set(ids(lines)).size).toBe(BOOKINGS);
    const places = lines.map(({ offerId, seq }) => [offerId, seq] as const);
    const inOrder = [...places].sort(
      ([one, a], [two, b]) => (one < two ? -1 : one > two ? 1 : 0) || Number(a) - Number(b),
    );
    expect(places).toEqual(inOrder);
  });

  it('goes on where it was broken off, at any place, and over the end of an offer', async () => {
    const all = ids(await linesOf());
    const [half, page] = [BOOKINGS / 2, BOOKINGS - PAGE];
    for (const at of [half - PAGE, half - 1, half, page - 1, page, BOOKINGS - 2, BOOKINGS - 1]) {
      const rest = ids(await linesOf(`?after=${all[at]}`));
      expect({ at, rest: rest.length }).toEqual({ at, rest: BOOKINGS - at - 1 });
      expect(rest[0]).toBe(all[at + 1]);
    }
  });

  it('of one offer has its bookings alone, and goes on with those that came later', async () => {
    const lines = await linesOf(`?offerId=${offer.id}`);
    expect(lines).toHaveLength(BOOKINGS / 2);
    expect(lines.every(({ offerId }) => offerId === offer.id)).toBe(true);
    expect(await linesOf(`?offerId=nowhere`)).toEqual([]);
    const later = await test.api.offer();
    const first = await test.api.book(later);
    expect(ids(await linesOf(`?offerId=${later.id}`))).toEqual([first.bookingId]);
    const second = await test.api.book(later);
    expect(ids(await linesOf(`?offerId=${later.id}&after=${first.bookingId}`))).toEqual([second.bookingId]);
    await test.ground.sql('delete from booking where offer_id = $1', [later.id]);
  });

  it('cannot go on behind a booking that is none, or one of another offer', async () => {
    const [foreign] = await linesOf(`?offerId=${other.id}`);
    for (const query of [`?after=${randomUUID()}`, `?offerId=${offer.id}&after=${foreign.id}`]) {
      const { body } = await test.api.get(path(query), test.api.operator).expect(404);
      expect(body.code).toBe('BOOKING_NOT_FOUND');
    }
    const { body } = await test.api.get(path('?after=nonsense'), test.api.operator).expect(400);
    expect(body.code).toBe('VALIDATION_FAILED');
  });

  describe('beside a reader that is slow', () => {
    let pages: jest.SpyInstance;
    let socket: Socket;
    beforeEach(() => {
      pages = jest.spyOn(test.app.get(Ledger), 'exportBookings');
    });
    afterEach(() => {
      socket.destroy();
      pages.mockRestore();
    });

    const open = (): void => {
      const { hostname, port } = new URL(test.api.url);
      socket = connect({ host: hostname, port: Number(port) });
      socket.on('error', () => undefined);
      socket.write(
        `GET ${path()} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer ${test.api.operator}\r\n\r\n`,
      );
    };
    /** How many pages were asked for once no more are. */
    const askedFor = (): Promise<number> =>
      eventually('the export to wait', async () => {
        const before = pages.mock.calls.length;
        await sleep(500);
        return before > 0 && pages.mock.calls.length === before ? before : null;
      });

    it('reads no further than what was taken: memory is bounded by a few pages, not by the bookings', async () => {
      open();
      // Nobody reads: the operating system takes some megabytes, and then the ledger is left alone.
      const asked = await askedFor();
      expect(asked).toBeLessThan(BOOKINGS / PAGE / 2);
      let received = '';
      for await (const chunk of socket) received += String(chunk);
      expect(pages.mock.calls.length).toBe(BOOKINGS / PAGE + 1);
      expect(received.match(/"offerId"/g)).toHaveLength(BOOKINGS);
    });

    it('stops when its reader goes', async () => {
      open();
      const asked = await askedFor();
      socket.destroy();
      await sleep(500);
      expect(pages.mock.calls.length).toBeLessThanOrEqual(asked + 1);
    });
  });
});
