import { status } from '@grpc/grpc-js';
import { eventually, startApp, type TestApp } from '../../support/app.js';
import { RemoteStandIn } from '../../support/remote-stand-in.js';

type Json = ReturnType<typeof JSON.parse>;

describe('a remote booking service', () => {
  let remote: RemoteStandIn;
  let fairline: TestApp;

  beforeAll(async () => {
    remote = await RemoteStandIn.start();
    fairline = await startApp({
      GRPC_BOOKING_SERVICE_URL: remote.url,
      GRPC_BOOKING_SERVICE_PAYMENT_METHOD: 'invoice',
      GRPC_CLIENT_DEADLINE_MS: '300',
    });
  });
  afterAll(async () => {
    await fairline.close();
    remote.stop();
  });
  beforeEach(() => {
    remote.fate = () => 'done';
    remote.told.length = 0;
  });

  const confirmed = async (): Promise<Json> => {
    const { api } = fairline;
    const booking = await api.book(await api.offer(), { paymentMethod: 'pm_ok' });
    await api.until(booking, 'confirmed');
    return booking;
  };
  const theirs = ({ bookingId }: Json): Json =>
    [...remote.bookings].find(([key]) => key.startsWith(bookingId))?.[1];
  const isTold = (booking: Json): Promise<true> =>
    eventually('it is confirmed there', () =>
      Promise.resolve(theirs(booking)?.state === 'BOOKING_STATE_CONFIRMED' ? true : null),
    );
  const quiet = (): Promise<true> =>
    eventually('nothing left to tell', async () =>
      (await fairline.ground.sql('select from remote_telling')).length === 0 ? true : null,
    );

  it('gets each confirmed booking, reserved and confirmed under one key, and nothing to charge the customer with', async () => {
    const { api } = fairline;
    const gone = await api.book(await api.offer());
    await api.until(gone, 'held');
    await api.delete(`/api/bookings/${gone.bookingId}`, gone.token).expect(200);
    const booking = await confirmed();
    await isTold(booking);
    await quiet();
    const key = `${booking.bookingId}-2`;
    // a call that is not answered within the deadline comes again
    const keys = remote.calls('ReserveBooking').map(({ idempotencyKey }) => idempotencyKey);
    expect(new Set(keys)).toEqual(new Set([key]));
    expect(new Set(remote.calls('ConfirmBooking'))).toEqual(
      new Set([{ bookingId: theirs(booking).bookingId, idempotencyKey: key, paymentMethod: 'invoice' }]),
    );
  });

  it('has one booking of it, however often answers are lost', async () => {
    let calls = 0;
    remote.fate = () => (++calls % 2 === 1 && calls < 6 ? 'lost' : 'done');
    const booking = await confirmed();
    await isTold(booking);
    await quiet();
    expect([...remote.bookings.keys()].filter((key) => key.startsWith(booking.bookingId))).toHaveLength(1);
  });

  it('is asked how it stands where it says that the booking is settled', async () => {
    remote.fate = ({ method }) =>
      method === 'ConfirmBooking' && remote.calls('ConfirmBooking').length > 1
        ? { status: status.FAILED_PRECONDITION, code: 'ALREADY_SETTLED' }
        : method === 'ConfirmBooking'
          ? 'lost'
          : 'done';
    await confirmed();
    await eventually('it is looked at', () =>
      Promise.resolve(remote.calls('GetBooking').length === 1 ? true : null),
    );
    await quiet();
  });

  it('whose line is not there yet is told again later', async () => {
    remote.fate = ({ method }) =>
      method === 'ConfirmBooking' && remote.calls('ConfirmBooking').length < 3
        ? { status: status.FAILED_PRECONDITION, code: 'NOT_HELD' }
        : 'done';
    const booking = await confirmed();
    await isTold(booking);
    await quiet();
  });
});
