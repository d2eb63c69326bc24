import { newOffer, startApp, unique, type TestApp } from '../../support/app.js';

jest.setTimeout(60_000);

describe('an offer', () => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startApp({ ROLE: 'api', BOOKING_TIMEOUT_SECONDS: '77' });
  });
  afterAll(() => test.close());

  it('has what was asked for, and defaults for the rest', async () => {
    const eventId = unique('Sommer Nächte!');
    const asked = newOffer({ eventId, venue: undefined, timeZone: undefined });
    const { body } = await test.api.post('/api/offers', asked, test.api.operator).expect(201);
    expect(body).toEqual({
      id: expect.stringMatching(/^sommer-n-chte-[a-z0-9-]+-standing-[0-9a-f]{8}$/),
      kind: 'ticket',
      eventId,
      ticketType: 'standing',
      title: 'Summer Night',
      venue: '',
      timeZone: 'UTC',
      startsAt: '2999-06-19T18:00:00.000Z',
      price: { amountMinor: 4500, currency: 'EUR' },
      cancellation: { refundable: false, untilHoursBeforeStart: null },
      opensAt: null,
      closesAt: null,
      paused: false,
      holdSeconds: 77,
      limitPerCustomer: 10,
      maxQuantity: 10,
      stock: { capacity: 10, available: 10, held: 0, sold: 0 },
      waiting: 0,
      version: 1,
    });
    expect((await test.api.get(`/api/offers/${body.id}`).expect(200)).body).toEqual(body);
  });

  it('may be in any time zone that there is; in one that only some know it is refused as a problem', async () => {
    const zones = [
      ...Intl.supportedValuesOf('timeZone'),
      'UTC',
      'GB',
      'EST5EDT',
      'Etc/GMT+5',
      'europe/berlin',
    ];
    const odd = [
      '+01:00',
      '-0500',
      'GMT+1',
      'Mars/Olympus',
      'Etc/Unknown',
      'posix/Europe/Berlin',
      'localtime',
      'Factory',
    ];
    const refused: string[] = [];
    for (const timeZone of [...zones, ...odd]) {
      const { status, body } = await test.api.post('/api/offers', newOffer({ timeZone }), test.api.operator);
      expect({ timeZone, status }).toEqual({ timeZone, status: status === 201 ? 201 : 400 });
      if (status === 400) refused.push(timeZone);
      if (status === 400) expect(body.code).toBe('VALIDATION_FAILED');
    }
    expect(refused.filter((zone) => zones.includes(zone))).toEqual([]);
    expect(refused).toContain('Mars/Olympus');
  });

  it('is listed by pages, each once', async () => {
    const all: string[] = [];
    for (let after = ''; ;) {
      const query = after === '' ? '?limit=100' : `?limit=100&after=${encodeURIComponent(after)}`;
      const { body } = await test.api.get(`/api/offers${query}`).expect(200);
      const ids: string[] = body.offers.map(({ id }: { id: string }) => id);
      all.push(...ids);
      if (ids.length < 100) break;
      after = ids.at(-1) ?? '';
    }
    const [{ many }] = await test.ground.sql('select count(*)::int as many from offer');
    expect(new Set(all).size).toBe(all.length);
    expect(all).toHaveLength(many);
  });

  it('changes by what is named alone; null takes an opening time away', async () => {
    const offer = await test.api.offer({ opensAt: '2030-01-01T00:00:00Z', closesAt: '2031-01-01T00:00:00Z' });
    const change = { title: 'Winter Night', opensAt: null, price: { amountMinor: 1, currency: 'JPY' } };
    const { body } = await test.api.patch(`/api/offers/${offer.id}`, change, test.api.operator).expect(200);
    expect(body).toEqual({ ...offer, ...change, version: Number(offer.version) + 1 });
    const none = await test.api.patch('/api/offers/nowhere', change, test.api.operator).expect(404);
    expect(none.body.code).toBe('OFFER_NOT_FOUND');
  });

  it('keeps the price of those who are in its line already', async () => {
    const offer = await test.api.offer();
    const early = await test.api.book(offer, { quantity: 2 });
    const price = { amountMinor: 9900, currency: 'EUR' };
    await test.api.patch(`/api/offers/${offer.id}`, { price }, test.api.operator).expect(200);
    const late = await test.api.book(offer, { quantity: 2 });
    expect((await test.api.read(early)).price).toEqual({ amountMinor: 9000, currency: 'EUR' });
    expect((await test.api.read(late)).price).toEqual({ amountMinor: 19_800, currency: 'EUR' });
  });
});
