import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually, Ground, startApp, type TestApp } from '../../support/app.js';

jest.setTimeout(120_000);

type Json = ReturnType<typeof JSON.parse>;

/** What the workers of the started application do by themselves. */
describe('A worker that is told how long data may be kept', () => {
  let ground: Ground;
  let test: TestApp;
  let old: Json;
  let recent: Json;
  beforeAll(async () => {
    ground = await Ground.prepare();
    const selling = await startApp({}, ground);
    const buy = async (userId: string): Promise<Json> => {
      const who = { userId, email: `${userId}@example.org`, paymentMethod: `pm_of_${userId}` };
      const booking = await selling.api.book(await selling.api.offer(), who);
      await selling.api.until(booking, 'confirmed');
      await ground.mail('ticket', booking.bookingId);
      return booking;
    };
    [old, recent] = [await buy('ann'), await buy('bob')];
    await selling.close();
    for (const [{ bookingId }, days] of [
      [old, 32],
      [recent, 30],
    ] as const) {
      await ground.sql(
        `update offer set starts_at = now() - make_interval(days => $2)
         where id = (select offer_id from booking where id = $1)`,
        [bookingId, days],
      );
    }
    test = await startApp({ DATA_RETENTION_DAYS: '30' }, ground);
  });
  afterAll(async () => {
    await test.close();
    await ground.release();
  });

  const erased = async (): Promise<string[]> =>
    (await ground.sql('select id from booking where erased_at is not null')).map(({ id }) => id);
  const methodsAtTheBank = async (): Promise<string[]> =>
    (await ground.sql('select method from sandbox_bank.charges order by id')).map(({ method }) => method);
  const outbox = async (): Promise<string> => (await readdir(join(ground.dataDir, 'outbox'))).join(' ');

  it('erases what has been over for so long, and nothing else', async () => {
    await eventually('the old booking is erased', async () =>
      (await erased()).includes(old.bookingId) ? true : null,
    );
    expect(await erased()).toEqual([old.bookingId]);
    const [row] = await ground.sql('select customer_id, email, payment_method from booking where id = $1', [
      recent.bookingId,
    ]);
    expect(row).toEqual({
      ...{ customer_id: 'bob', email: 'bob@example.org', payment_method: 'pm_of_bob' },
    });
    const [event] = await ground.sql(`select actor_kind, detail from audit_event where action = 'erase'`);
    expect(event).toEqual({ actor_kind: 'system', detail: { reason: 'RETENTION' } });
  });

  it('then clears the outbox and the books of the sandbox, once no mail can be under way any more', async () => {
    expect(await outbox()).toContain(old.bookingId);
    expect(await methodsAtTheBank()).toEqual(['pm_of_ann', 'pm_of_bob']);
    await ground.sql(`update erased_booking set erased_at = erased_at - interval '1 minute'`);
    await eventually('nothing is left to forget', async () =>
      (await ground.sql('select from erased_booking')).length === 0 ? true : null,
    );
    expect(await outbox()).not.toContain(old.bookingId);
    expect(await outbox()).toContain(recent.bookingId);
    expect(await methodsAtTheBank()).toEqual(['erased', 'pm_of_bob']);
  });

  it('leaves the page of the booking to whoever holds its token, without a ticket', async () => {
    expect((await test.api.read(old)).state).toBe('confirmed');
    await test.api.get(`/api/bookings/${old.bookingId}/ticket.pdf`, old.token).expect(409);
    const { body } = await test.api.get('/api/admin/invariants', test.api.operator).expect(200);
    expect(body.invariants).toMatchObject({ F1: { ok: true }, F4: { ok: true }, F5: { ok: true } });
  });
});
