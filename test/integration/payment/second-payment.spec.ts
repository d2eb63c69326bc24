import { Ledger } from '../../../src/booking/ledger/ledger.js';
import { FulfilmentProcessor } from '../../../src/worker/fulfilment.processor.js';
import { eventually, startApp, type TestApp } from '../../support/app.js';

jest.setTimeout(60_000);

type Json = ReturnType<typeof JSON.parse>;

/** Holds up whoever passes until it is opened; tells when somebody has come. */
function gate(): { pass: () => Promise<void>; reached: Promise<void>; open: () => void } {
  let come: () => void = () => undefined;
  let open: () => void = () => undefined;
  const reached = new Promise<void>((resolve) => (come = resolve));
  const opened = new Promise<void>((resolve) => (open = resolve));
  return {
    pass: async () => {
      come();
      await opened;
    },
    reached,
    open: () => open(),
  };
}

describe('a second payment while the job of the first has not ended', () => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startApp();
  });
  afterEach(() => jest.restoreAllMocks());
  afterAll(() => test.close());

  /** Pays again once the first job stands at the gate; the sweeper does not drive this booking for an hour. */
  async function payAgain(accepted: Json, { reached, open }: ReturnType<typeof gate>): Promise<void> {
    await reached;
    expect(await test.api.read(accepted)).toMatchObject({ state: 'held', reason: 'card_declined' });
    await test.api
      .post(`/api/bookings/${accepted.bookingId}/payment`, { paymentMethod: 'pm_ok' }, accepted.token)
      .expect(202);
    await test.ground.sql(
      `update booking set redrive_at = now() + interval '1 hour' where id = $1 and state = 'paying'`,
      [accepted.bookingId],
    );
    expect(await test.api.read(accepted)).toMatchObject({ state: 'paying' });
    open();
  }

  async function expectConfirmedBySecondCharge(accepted: Json): Promise<void> {
    await test.api.until(accepted, 'confirmed');
    const rows = await test.ground.sql(
      'select fence, state from payment_attempt where booking_id = $1 order by fence',
      [accepted.bookingId],
    );
    expect(rows).toEqual([
      { fence: 2, state: 'declined' },
      { fence: 4, state: 'captured' },
    ]);
    const charges = await test.ground.sql(
      'select state from sandbox_bank.charges where booking_id = $1 order by id',
      [accepted.bookingId],
    );
    expect(charges).toEqual([{ state: 'declined' }, { state: 'captured' }]);
    expect(await test.api.broken()).toEqual({});
  }

  it('is charged by that job itself, where it has not looked at the ledger for the last time', async () => {
    const held = gate();
    const ledger = test.app.get(Ledger);
    const recordCharge = ledger.recordCharge.bind(ledger);
    jest.spyOn(ledger, 'recordCharge').mockImplementation(async (...args) => {
      const recorded = await recordCharge(...args);
      if (args[2].kind === 'declined') await held.pass();
      return recorded;
    });
    const accepted = await test.api.book(await test.api.offer(), { paymentMethod: 'pm_decline' });
    await payAgain(accepted, held);
    await expectConfirmedBySecondCharge(accepted);
  });

  it('is charged by a job published again, where the first had nothing more to do and was not gone from the broker', async () => {
    const held = gate();
    const processor = test.app.get(FulfilmentProcessor);
    const handle = processor.handle.bind(processor);
    const handled: number[] = [];
    jest.spyOn(processor, 'handle').mockImplementation(async (job, context) => {
      handled.push(job.data.fence);
      await handle(job, context);
      if (handled.length === 1) await held.pass();
    });
    const accepted = await test.api.book(await test.api.offer(), { paymentMethod: 'pm_decline' });
    await payAgain(accepted, held);
    await expectConfirmedBySecondCharge(accepted);
    expect(handled.slice(0, 2)).toEqual([2, 4]);
    await eventually('no job left', async () => {
      const { body } = await test.api.get('/api/admin/queue', test.api.operator).expect(200);
      return body.types['booking.fulfil'].active === 0 ? true : null;
    });
  });
});
