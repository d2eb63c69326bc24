import { setTimeout as sleep } from 'node:timers/promises';
import type { Booking } from '../booking/booking.js';
import { RemoteError, type Caller, type RemoteState } from '../remote/remotes.js';
import { RemotePushes } from './remote-pushes.js';

const booking = (id: string, more: Partial<Booking> = {}): Booking => ({
  id,
  offerId: 'offer',
  seq: 1,
  customerId: 'fan',
  quantity: 1,
  state: 'held',
  reason: null,
  fence: 1,
  version: 1,
  progress: 0,
  deadline: '2030-01-01T00:00:00.250Z',
  price: { amountMinor: 1, currency: 'EUR' },
  email: 'fan@example.org',
  jobId: `fulfil-${id}`,
  correlationId: 'correlation',
  acceptedAt: '2030-01-01T00:00:00.000Z',
  acceptedPosition: 1,
  acceptedWaitSeconds: 0,
  stay: null,
  ...more,
});

class Elsewhere implements Caller {
  state: RemoteState = 'up';
  readonly heard: (readonly [method: string, request: object])[] = [];
  fails: RemoteError | null = null;

  call(method: string, request: object): Promise<object> {
    if (this.fails !== null) return Promise.reject(this.fails);
    this.heard.push([method, request]);
    return Promise.resolve({});
  }
}

describe('pushes to a realtime service elsewhere', () => {
  let elsewhere: Elsewhere;
  let dropped: number;
  let pushes: RemotePushes;

  beforeEach(() => {
    elsewhere = new Elsewhere();
    dropped = 0;
    pushes = new RemotePushes(elsewhere, (some) => (dropped += some));
  });
  afterEach(() => pushes.close());

  it('tell the newest of each booking and of each line, and no personal data', async () => {
    pushes.bookings([booking('a'), booking('b')]);
    pushes.progress(booking('a', { state: 'confirmed', version: 2, deadline: null }), ['code']);
    pushes.line({ offerId: 'offer', version: 7 });
    pushes.line({ offerId: 'offer', version: 6 });
    await pushes.close();
    expect(elsewhere.heard).toEqual([
      ['PushPosition', { offerId: 'offer', version: 7 }],
      [
        'PushStatus',
        {
          ...{ bookingId: 'b', offerId: 'offer', fence: 1, version: 1, progress: 0, ticketCodes: [] },
          state: 'BOOKING_STATE_HELD',
          deadline: { seconds: Date.parse('2030-01-01T00:00:00Z') / 1000, nanos: 250_000_000 },
        },
      ],
      [
        'PushStatus',
        {
          ...{ bookingId: 'a', offerId: 'offer', fence: 1, version: 2, progress: 0 },
          state: 'BOOKING_STATE_CONFIRMED',
          ticketCodes: ['code'],
        },
      ],
    ]);
  });

  it('leave out what the line tells', async () => {
    pushes.bookings([booking('a', { state: 'waiting' }), booking('b', { state: 'sold_out' })]);
    await pushes.close();
    expect(elsewhere.heard).toEqual([]);
  });

  it('are kept while the service is away, the newest ten thousand, and those beyond are counted', async () => {
    elsewhere.state = 'down';
    const crowd = Array.from({ length: 10_050 }, (_, index) => booking(String(index)));
    pushes.bookings(crowd);
    pushes.bookings(crowd.slice(-100));
    await sleep(60);
    expect([elsewhere.heard.length, dropped]).toEqual([0, 50]);
    await pushes.close();
    expect(dropped).toBe(10_050);
  });

  it('go out again after a failure, unless something newer has come; what is refused does not', async () => {
    elsewhere.fails = new RemoteError('realtime', 'unknown', 'UNAVAILABLE', null);
    pushes.bookings([booking('a')]);
    await sleep(60);
    pushes.bookings([booking('a', { version: 2 })]);
    elsewhere.fails = null;
    await pushes.close();
    expect(elsewhere.heard).toMatchObject([['PushStatus', { bookingId: 'a', version: 2 }]]);

    elsewhere.fails = new RemoteError('realtime', 'refused', 'NOT_FOUND', 'BOOKING_NOT_FOUND');
    const others = new RemotePushes(elsewhere, (some) => (dropped += some));
    others.bookings([booking('b')]);
    await others.close();
    expect([elsewhere.heard.length, dropped]).toEqual([1, 1]);
  });
});
