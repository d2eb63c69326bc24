import { eventually, startApp, unique, wish, type TestApp } from '../../support/app.js';
import { RemoteStandIn } from '../../support/remote-stand-in.js';

describe('a remote realtime service, a remote limiter and a gateway', () => {
  let remote: RemoteStandIn;
  let fairline: TestApp;

  beforeAll(async () => {
    remote = await RemoteStandIn.start();
    fairline = await startApp({
      GRPC_REALTIME_SERVICE_URL: remote.url,
      GRPC_RATE_LIMITER_SERVICE_URL: remote.url,
      GRPC_RATE_LIMITER_DEADLINE_MS: '1000',
      GRPC_GATEWAY_URL: remote.url,
    });
  });
  afterAll(async () => {
    await fairline.close();
    remote.stop();
  });
  beforeEach(async () => {
    await remote.start();
    remote.fate = () => 'done';
    remote.allows = () => ({ allowed: true, quota: 10, remaining: 9 });
  });

  const states = (bookingId: string): string[] =>
    remote
      .calls('PushStatus')
      .filter((push) => push.bookingId === bookingId)
      .map(({ state }) => state);

  it('pushes what becomes of a booking, to its end, and that its line has moved', async () => {
    const { api } = fairline;
    const offer = await api.offer();
    const booking = await api.book(offer, { paymentMethod: 'pm_ok' });
    const pushed = await eventually('the last push', async () => {
      const last = remote
        .calls('PushStatus')
        .find(
          ({ bookingId, state }) => bookingId === booking.bookingId && state === 'BOOKING_STATE_CONFIRMED',
        );
      return Promise.resolve(last ?? null);
    });
    expect(pushed).toMatchObject({ offerId: offer.id, progress: 100, ticketCodes: [expect.any(String)] });
    const { version } = await api.read(booking);
    expect(Number(pushed.version)).toBe(version);
    await eventually('the line', () =>
      Promise.resolve(
        remote
          .calls('PushPosition')
          .find(({ offerId, version: told }) => offerId === offer.id && Number(told) >= version) ?? null,
      ),
    );
  });

  it('pushes the newest state alone once the service is there again', async () => {
    const { api } = fairline;
    remote.stop();
    const booking = await api.book(await api.offer(), { paymentMethod: 'pm_ok' });
    await api.until(booking, 'confirmed');
    await remote.start();
    await eventually('the end of it', () =>
      Promise.resolve(states(booking.bookingId).includes('BOOKING_STATE_CONFIRMED') ? true : null),
    );
    expect(states(booking.bookingId)).toEqual(['BOOKING_STATE_CONFIRMED']);
  });

  /** Each is called again a moment after it is there again: requests make that happen. */
  const isReached = (name: string): Promise<true> =>
    eventually(`${name} reached`, async () => {
      await fairline.api.get('/api/offers').expect(200);
      const { body } = await fairline.api.get('/health/ready').expect(200);
      return body.details[name].reached === true ? true : null;
    });

  it('asks the limiter about customer and address, and refuses whom it refuses', async () => {
    const { api } = fairline;
    const offer = await api.offer();
    const userId = unique('hasty');
    await isReached('remote-limiter');
    remote.allows = ({ subject }) => ({
      allowed: subject !== userId,
      quota: 5,
      remaining: 0,
      retryAfter: { seconds: 7 },
    });
    remote.told.length = 0;
    const { body, headers, status } = await api
      .post('/api/bookings', wish(offer, { userId }))
      .set('X-Forwarded-For', '192.0.2.7');
    expect([status, remote.calls('Check')]).toEqual([
      429,
      expect.arrayContaining([{ limit: 'customer', subject: userId, cost: 1 }]),
    ]);
    expect(body.code).toBe('RATE_LIMITED');
    expect(headers['retry-after']).toBe('7');
    await api.post('/api/bookings', wish(offer)).expect(202);
  });

  it('goes by the local limits where the limiter says nothing', async () => {
    const { api } = fairline;
    const offer = await api.offer();
    remote.stop();
    for (let wished = 0; wished < 8; wished++) await api.post('/api/bookings', wish(offer)).expect(202);
  });

  it('is ready whatever becomes of the gateway, and says whether it is there', async () => {
    const { api } = fairline;
    const gateway = (reached: boolean): Promise<true> =>
      eventually(`the gateway shown as ${reached ? 'there' : 'away'}`, async () => {
        const { body } = await api.get('/health/ready').expect(200);
        return body.details['remote-gateway'].reached === reached ? true : null;
      });
    await gateway(true);
    remote.stop();
    await gateway(false);
  });
});
