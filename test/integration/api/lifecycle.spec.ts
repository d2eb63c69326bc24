import { eventually, startApp, unique, type TestApp } from '../../support/app.js';
import { scanTicket } from '../../support/scan-ticket.js';

jest.setTimeout(60_000);

/** A second, and two for a sell-out, on a machine of its own; the order is what is tested here. */
const GENEROUS_MS = 5000;

describe('the way of a booking', () => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startApp({ PUBLIC_URL: 'https://tickets.example.org' });
  });
  afterEach(async () => {
    expect(await test.api.broken()).toEqual({});
  });
  afterAll(() => test.close());

  const pay = (accepted: { bookingId: string; token: string }, paymentMethod: string) =>
    test.api.post(`/api/bookings/${accepted.bookingId}/payment`, { paymentMethod }, accepted.token);
  const leave = (accepted: { bookingId: string; token: string }) =>
    test.api.delete(`/api/bookings/${accepted.bookingId}`, accepted.token);
  const stockOf = async (offer: { id: string }) =>
    (await test.api.get(`/api/offers/${offer.id}`).expect(200)).body.stock;
  /** The moments at which bookings entered a state, as the audit has them. */
  const enteredAt = async (accepted: { bookingId: string }, state: string): Promise<number> => {
    const [row] = await test.ground.sql(
      'select version, extract(epoch from at) * 1000 as at from audit_event where booking_id = $1 and to_state = $2',
      [accepted.bookingId, state],
    );
    return Number(row?.at);
  };

  it('with a method given up front ends in a ticket by mail, paid once', async () => {
    const offer = await test.api.offer({ capacity: 5 });
    const accepted = await test.api.book(offer, {
      quantity: 2,
      paymentMethod: 'pm_ok',
      email: 'fan@example.org',
    });
    const confirmed = await test.api.until(accepted, 'confirmed');
    expect(confirmed).toMatchObject({
      progress: 100,
      price: { amountMinor: 9000, currency: 'EUR' },
      ticketCodes: [expect.any(String), expect.any(String)],
      position: null,
      deadline: null,
    });
    const path = `/api/bookings/${accepted.bookingId}/ticket.pdf`;
    const { headers, body: pdf } = await test.api.get(path, accepted.token).buffer(true).expect(200);
    expect(headers['content-type']).toBe('application/pdf');
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    const scanned = scanTicket(pdf);
    expect(scanned).toEqual(
      confirmed.ticketCodes.map((code: string) => expect.stringMatching(new RegExp(`${code}$`))),
    );
    const mail = await test.ground.mail('ticket', accepted.bookingId);
    expect(mail.to).toEqual([{ address: 'fan@example.org', name: '' }]);
    const [attached] = mail.attachments;
    expect(attached).toMatchObject({
      mimeType: 'application/pdf',
      filename: `ticket-${accepted.bookingId}.pdf`,
    });
    expect(Buffer.from(new Uint8Array(attached?.content as ArrayBuffer)).equals(pdf)).toBe(true);
    expect(await stockOf(offer)).toEqual({ capacity: 5, available: 3, held: 0, sold: 2 });
    const charges = await test.ground.sql('select * from sandbox_bank.charges where booking_id = $1', [
      accepted.bookingId,
    ]);
    expect(charges).toMatchObject([{ state: 'captured', amount_minor: '9000', currency: 'EUR' }]);
  });

  it('is told by mail that its money comes back, whoever wanted that', async () => {
    const offer = await test.api.offer({ capacity: 5 });
    const accepted = await test.api.book(offer, { paymentMethod: 'pm_ok', email: 'fan@example.org' });
    await test.api.until(accepted, 'confirmed');
    const path = `/api/admin/bookings/${accepted.bookingId}/refund`;
    await test.api.post(path, undefined, test.api.operator).expect(200);
    const mail = await test.ground.mail('refunded', accepted.bookingId);
    expect(mail.to).toEqual([{ address: 'fan@example.org', name: '' }]);
    expect(mail.text).toContain('€45.00');
  });

  it('without one is held with a deadline, and confirmed once it is paid for', async () => {
    const offer = await test.api.offer({ holdSeconds: 60 });
    const accepted = await test.api.book(offer, { email: 'fan@example.org' });
    const held = await test.api.until(accepted, 'held');
    const left = Date.parse(held.deadline) - Date.parse(held.serverTime);
    expect(left).toBeGreaterThan(30_000);
    expect(left).toBeLessThanOrEqual(60_000);
    const turn = await test.ground.mail('your-turn', accepted.bookingId);
    expect(turn.text).toContain(
      `https://tickets.example.org/booking/${accepted.bookingId}#token=${accepted.token}`,
    );
    const { body } = await pay(accepted, 'pm_ok').expect(202);
    expect(['paying', 'paid', 'confirmed']).toContain(body.state);
    await test.api.until(accepted, 'confirmed');
    expect((await pay(accepted, 'pm_ok').expect(409)).body.code).toBe('ALREADY_SETTLED');
  });

  it('goes back to held after a declined card, and another card pays', async () => {
    const accepted = await test.api.book(await test.api.offer(), { paymentMethod: 'pm_decline' });
    const declined = await test.api.until(accepted, 'held');
    expect(declined).toMatchObject({ reason: 'card_declined', deadline: expect.any(String) });
    await pay(accepted, 'pm_decline_insufficient_funds').expect(202);
    expect(await test.api.until(accepted, 'held')).toMatchObject({
      reason: 'insufficient_funds',
      // The time to pay runs from the first decline, whatever is tried meanwhile.
      deadline: declined.deadline,
    });
    await pay(accepted, 'pm_ok').expect(202);
    await test.api.until(accepted, 'confirmed');
    const letters = await test.api.get('/api/admin/dead-letters', test.api.operator).expect(200);
    expect(letters.body.deadLetters).toEqual([]);
  });

  it('is over when the time to pay is: the next in line is told at once, in order', async () => {
    const offer = await test.api.offer({ capacity: 1, holdSeconds: 1 });
    const email = 'fan@example.org';
    const [first, second, third] = [
      await test.api.book(offer, { email }),
      await test.api.book(offer, { email }),
      await test.api.book(offer, { email, paymentMethod: 'pm_ok' }),
    ];
    await test.api.until(first, 'expired');
    await test.api.until(second, 'expired');
    await test.api.until(third, 'confirmed');
    const turns = await Promise.all([
      enteredAt(first, 'held'),
      enteredAt(first, 'expired'),
      enteredAt(second, 'held'),
      enteredAt(second, 'expired'),
      enteredAt(third, 'held'),
    ]);
    expect(turns).toEqual([...turns].sort((a, b) => a - b));
    for (const [over, next] of [turns.slice(1, 3), turns.slice(3, 5)]) {
      expect(Number(next) - Number(over)).toBeLessThan(GENEROUS_MS);
    }
    expect((await pay(first, 'pm_ok').expect(409)).body.code).toBe('HOLD_EXPIRED');
    for (const booking of [first, second]) {
      expect((await test.ground.mail('your-turn', booking.bookingId)).text).toContain(booking.token);
      expect((await test.ground.mail('hold-expired', booking.bookingId)).subject).toMatch(/time to pay/);
    }
    expect(await test.api.read(first)).toMatchObject({ state: 'expired', reason: 'NOT_PAID_IN_TIME' });
  });

  it('can be left while it waits and while it is held, and then the stock goes to the next', async () => {
    const offer = await test.api.offer({ capacity: 1 });
    const [held, leaving, next] = [
      await test.api.book(offer),
      await test.api.book(offer),
      await test.api.book(offer),
    ];
    await test.api.until(held, 'held');
    expect((await leave(leaving).expect(200)).body).toMatchObject({
      state: 'cancelled',
      reason: 'BY_CUSTOMER',
      position: null,
    });
    // who names no version may be shown a view that is up to a second old
    await eventually('the next is first', async () =>
      (await test.api.read(next))['position'] === 1 ? true : null,
    );
    expect((await leave(held).expect(200)).body).toMatchObject({ state: 'cancelled' });
    await test.api.until(next, 'held');
    expect(await stockOf(offer)).toMatchObject({ held: 1, available: 0 });
    expect((await leave(held).expect(409)).body.code).toBe('ALREADY_SETTLED');
    expect((await pay(leaving, 'pm_ok').expect(409)).body.code).toBe('ALREADY_SETTLED');
  });

  it('cannot be left while a payment is under way, nor paid for twice, nor left once it is confirmed without a right to a refund', async () => {
    const accepted = await test.api.book(await test.api.offer(), { paymentMethod: 'pm_slow' });
    await test.api.until(accepted, 'paying');
    expect((await leave(accepted).expect(409)).body.code).toBe('PAYMENT_IN_PROGRESS');
    expect((await pay(accepted, 'pm_ok').expect(409)).body.code).toBe('PAYMENT_IN_PROGRESS');
    await test.api.until(accepted, 'confirmed');
    expect((await leave(accepted).expect(409)).body.code).toBe('NOT_REFUNDABLE');
  });

  it('cannot be paid for before its turn, and has no ticket before it is paid', async () => {
    const offer = await test.api.offer({ capacity: 1 });
    const held = await test.api.book(offer);
    await test.api.until(held, 'held');
    const waiting = await test.api.book(offer);
    expect((await pay(waiting, 'pm_ok').expect(409)).body.code).toBe('NOT_HELD');
    const ticket = await test.api.get(`/api/bookings/${held.bookingId}/ticket.pdf`, held.token).expect(409);
    expect(ticket.body.code).toBe('TICKET_NOT_READY');
  });

  it('ends in a sell-out for everybody who still waits, each told by mail', async () => {
    const offer = await test.api.offer({ capacity: 1 });
    const winner = await test.api.book(offer);
    await test.api.until(winner, 'held');
    const waiting = await Promise.all(
      Array.from({ length: 20 }, (_, n) => test.api.book(offer, { email: `fan-${n}@example.org` })),
    );
    await pay(winner, 'pm_ok').expect(202);
    await test.api.until(winner, 'confirmed');
    const told = await Promise.all(waiting.map((booking) => test.api.until(booking, 'sold_out')));
    for (const { position, state } of told)
      expect({ position, state }).toEqual({ position: null, state: 'sold_out' });
    const [first] = waiting;
    expect((await leave(first).expect(409)).body.code).toBe('ALREADY_SETTLED');
    expect((await pay(first, 'pm_ok').expect(409)).body.code).toBe('ALREADY_SETTLED');
    for (const { bookingId } of waiting) await test.ground.mail('sold-out', bookingId);
    expect((await test.api.get(`/api/offers/${offer.id}`)).body.waiting).toBe(0);
    const paidAt = await enteredAt(winner, 'paid');
    const [decided] = await test.ground.sql(
      "select extract(epoch from at) * 1000 as at from audit_event where offer_id = $1 and action = 'sell_out' and booking_id is null",
      [offer.id],
    );
    expect(Number(decided.at) - paidAt).toBeLessThan(GENEROUS_MS);
  });

  it('serves who fits where who stands before does not, and turns the large away only when it can never fit', async () => {
    const offer = await test.api.offer({ capacity: 3 });
    const two = await test.api.book(offer, { quantity: 2 });
    await test.api.until(two, 'held');
    const large = await test.api.book(offer, { quantity: 2 });
    const small = await test.api.book(offer, { quantity: 1, paymentMethod: 'pm_ok' });
    await test.api.until(small, 'confirmed');
    expect(await test.api.read(large)).toMatchObject({ state: 'waiting', position: 1 });
    await pay(two, 'pm_ok').expect(202);
    await test.api.until(large, 'sold_out');
  });

  it('takes up more places as soon as an operator adds them, and none below what is sold', async () => {
    const offer = await test.api.offer({ capacity: 1 });
    const first = await test.api.book(offer);
    await test.api.until(first, 'held');
    const second = await test.api.book(offer);
    const path = `/api/offers/${offer.id}`;
    await test.api.patch(path, { capacity: 2 }, test.api.operator).expect(200);
    await test.api.until(second, 'held');
    const { body } = await test.api.patch(path, { capacity: 1 }, test.api.operator).expect(409);
    expect(body).toMatchObject({ code: 'CAPACITY_BELOW_SOLD', least: 2 });
  });

  it('grants nothing while the sale is paused, and everything due afterwards', async () => {
    const offer = await test.api.offer({ capacity: 1 });
    const [held, next] = [await test.api.book(offer), await test.api.book(offer)];
    await test.api.until(held, 'held');
    const path = `/api/offers/${offer.id}`;
    await test.api.patch(path, { paused: true }, test.api.operator).expect(200);
    await leave(held).expect(200);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await test.api.read(next)).toMatchObject({ state: 'waiting', position: 1 });
    await test.api.patch(path, { paused: false }, test.api.operator).expect(200);
    await test.api.until(next, 'held');
  });

  it('is in the list of its customer, newest first, and in the export of the operator', async () => {
    const offer = await test.api.offer();
    const userId = unique('fan');
    const ids: string[] = [];
    for (let n = 0; n < 3; n++) ids.unshift((await test.api.book(offer, { userId })).bookingId);
    const of = async (query: string): Promise<string[]> => {
      const { body } = await test.api
        .get(`/api/bookings?userId=${userId}${query}`, test.api.operator)
        .expect(200);
      return body.bookings.map(({ bookingId }: { bookingId: string }) => bookingId);
    };
    expect(await of('')).toEqual(ids);
    expect(await of('&limit=2')).toEqual(ids.slice(0, 2));
    expect(await of(`&before=${ids[1]}`)).toEqual(ids.slice(2));
    const { text, headers } = await test.api
      .get(`/api/admin/bookings.ndjson?offerId=${offer.id}`, test.api.operator)
      .buffer(true)
      .expect(200);
    expect(headers['content-type']).toMatch(/^application\/x-ndjson/);
    const exported = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).id);
    expect(exported).toEqual([...ids].reverse());
  });
});
