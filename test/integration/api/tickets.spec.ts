import { randomUUID } from 'node:crypto';
import { formatTicketCode, makeTicketCode } from '../../../src/booking/tickets/ticket-code.js';
import { startApp, JWT_SECRET, type TestApp } from '../../support/app.js';

jest.setTimeout(60_000);

describe('a ticket at the door', () => {
  let test: TestApp;
  let codes: string[];
  beforeAll(async () => {
    test = await startApp();
    const accepted = await test.api.book(await test.api.offer(), { quantity: 3, paymentMethod: 'pm_ok' });
    codes = (await test.api.until(accepted, 'confirmed')).ticketCodes;
  });
  afterAll(() => test.close());

  const code = (index: number): string => codes[index] ?? '';
  const redeem = (text: string) => test.api.post(`/api/tickets/${text}/redeem`, undefined, test.api.operator);

  it('is genuine and valid by its code, and nothing is told of who holds it', async () => {
    expect(new Set(codes).size).toBe(3);
    const { body } = await test.api.get(`/api/tickets/${code(0)}`).expect(200);
    expect(body).toEqual({
      code: code(0),
      valid: true,
      state: 'issued',
      number: 1,
      quantity: 3,
      kind: 'ticket',
      title: 'Summer Night',
      ticketType: 'standing',
      startsAt: '2999-06-19T18:00:00.000Z',
      redeemedAt: null,
    });
  });

  it('is found as people type it', async () => {
    for (const typed of [
      formatTicketCode(code(0)),
      code(0).toLowerCase(),
      formatTicketCode(code(0)).replaceAll('0', 'o'),
    ]) {
      await test.api.get(`/api/tickets/${typed}`).expect(200);
    }
  });

  it('lets exactly one in, though 100 doors ask at once', async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, () => redeem(code(1))));
    const let_in = answers.filter(({ status }) => status === 200);
    expect(let_in.map(({ body }) => [body.state, body.valid])).toEqual([['redeemed', false]]);
    const refused = answers.filter(({ status }) => status !== 200);
    expect(new Set(refused.map(({ status, body }) => `${status} ${body.code} ${body.redeemedAt}`))).toEqual(
      new Set([`409 TICKET_ALREADY_REDEEMED ${let_in[0]?.body.redeemedAt}`]),
    );
    const [{ many }] = await test.ground.sql(
      "select count(*)::int as many from audit_event where action = 'ticket.redeem'",
    );
    expect(many).toBe(1);
    const used = await test.api.get(`/api/tickets/${code(1)}`).expect(200);
    expect(used.body).toMatchObject({
      state: 'redeemed',
      valid: false,
      redeemedAt: let_in[0]?.body.redeemedAt,
    });
    expect((await test.api.get(`/api/tickets/${code(2)}`).expect(200)).body.valid).toBe(true);
  });

  it('does not exist when it is forged, whichever character was changed', async () => {
    const original = code(0);
    for (let at = 0; at < original.length; at++) {
      const changed = original.slice(0, at) + (original[at] === 'A' ? 'B' : 'A') + original.slice(at + 1);
      const { status, body } = await test.api.get(`/api/tickets/${changed}`);
      expect({ at, status, code: body.code }).toEqual({ at, status: 404, code: 'TICKET_NOT_FOUND' });
    }
    const foreign = makeTicketCode(Buffer.from('another secret, as long as ours is'), randomUUID());
    expect((await redeem(foreign).expect(404)).body.code).toBe('TICKET_NOT_FOUND');
  });

  it('does not exist either when it is well signed but was never issued', async () => {
    const never = makeTicketCode(Buffer.from(JWT_SECRET), randomUUID());
    expect((await test.api.get(`/api/tickets/${never}`).expect(404)).body.code).toBe('TICKET_NOT_FOUND');
    expect((await redeem(never).expect(404)).body.code).toBe('TICKET_NOT_FOUND');
  });
});
