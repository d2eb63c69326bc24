import { setTimeout as sleep } from 'node:timers/promises';
import { AppProcess } from '../../support/process.js';
import { startStripeApp, type StripeApp } from '../../support/stripe-app.js';
import { startApp, type TestApp } from '../../support/app.js';

jest.setTimeout(120_000);

type Json = ReturnType<typeof JSON.parse>;

const SETTLE_AFTER_MS = 1000;

/** A customer pays, and Stripe takes its time: longer than what is settled as forgotten. */
describe('a charge that takes its time', () => {
  let test: StripeApp;
  let workers: TestApp | undefined;
  let process: AppProcess | undefined;
  beforeAll(async () => {
    test = await startStripeApp({
      ROLE: 'api',
      PAYMENT_SETTLE_AFTER_SECONDS: String(SETTLE_AFTER_MS / 1000),
    });
  });
  afterAll(async () => {
    if (process?.isRunning === true) process.kill('SIGKILL');
    await workers?.close();
    await test.close();
  });

  const env = (): Record<string, string> => ({ ...test.env, ROLE: 'worker' });
  const booked = async (): Promise<Json> =>
    test.api.book(await test.api.offer({ holdSeconds: 1 }), { paymentMethod: 'pm_card_visa' });
  const attempts = (accepted: Json): Promise<Json[]> =>
    test.ground.sql('select state from payment_attempt where booking_id = $1 order by fence', [
      accepted.bookingId,
    ]);

  it('is settled soon where its worker was killed in the middle of it, and the units are free again', async () => {
    process = AppProcess.spawn(['--role', 'worker'], test.ground.env({ ...env(), PROMETHEUS_PORT: '0' }));
    const held = test.stand.on({ call: 'confirm', hold: 'before' });
    const accepted = await booked();
    await held.reached;
    process.kill('SIGKILL');
    await process.ended;
    // Another worker, which nobody has told; and what would drive the booking on is far away.
    await test.ground.sql(`update booking set redrive_at = now() + interval '1 h' where id = $1`, [
      accepted.bookingId,
    ]);
    workers = await startApp(env(), test.ground);
    await test.api.until(accepted, 'expired');
    held.release();
    expect(await attempts(accepted)).toMatchObject([{ state: 'voided' }]);
    expect(test.intentsOf(accepted)).toMatchObject([{ status: 'canceled', received: 0 }]);
  });

  it('is captured where its worker is still at it, though every other would settle it', async () => {
    const slow = (['confirm', 'capture'] as const).map((call) => {
      const held = test.stand.on({ call, hold: 'before' });
      return async (): Promise<void> => {
        await held.reached;
        await sleep(3 * SETTLE_AFTER_MS);
        held.release();
      };
    });
    const accepted = await booked();
    void (async () => {
      for (const wait of slow) await wait();
    })();
    await test.api.until(accepted, 'confirmed');
    expect(await attempts(accepted)).toMatchObject([{ state: 'captured' }]);
    const asked = test.stand.calls.filter(({ bookingId }) => bookingId === accepted.bookingId);
    expect(asked.map(({ call }) => call)).not.toContain('cancel');
    expect(await test.api.broken()).toEqual({});
  });
});
