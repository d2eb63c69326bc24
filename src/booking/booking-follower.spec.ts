import { BookingFollower, type Watcher } from './booking-follower.js';
import type { BookingSnapshot } from './booking.js';

const snapshot = (bookingId: string): BookingSnapshot => ({
  ...{ bookingId, jobId: `fulfil-${bookingId}`, offerId: 'offer', seq: 1, quantity: 1, stay: null },
  ...{ state: 'held', reason: null, position: null, estimatedWaitSeconds: null, version: 1, progress: 0 },
  ...{
    deadline: null,
    price: { amountMinor: 1, currency: 'EUR' },
    ticketCodes: [],
    acceptedAt: '',
    serverTime: '',
  },
  links: { self: '', payment: '', ticket: '' },
});

describe('streams of bookings', () => {
  let looks = 0;
  let current: BookingSnapshot;
  let over: AbortController;
  let follower: BookingFollower;
  beforeEach(() => {
    jest.useFakeTimers();
    looks = 0;
    over = new AbortController();
    current = snapshot('b');
    follower = new BookingFollower(
      {
        of: () => {
          looks++;
          return Promise.resolve(current);
        },
      },
      { peek: () => null, onChange: () => () => undefined },
    );
  });
  afterEach(() => {
    over.abort();
    jest.useRealTimers();
  });

  const watch = (watcher: Watcher): AsyncGenerator<BookingSnapshot, void> =>
    follower.follow(snapshot(watcher.booking), over.signal, watcher);
  /** How many of so many begin. */
  async function begun(count: number, of: (n: number) => Watcher): Promise<number> {
    const tried = Array.from({ length: count }, (_, n) => watch(of(n)).next());
    return (await Promise.allSettled(tried)).filter(({ status }) => status === 'fulfilled').length;
  }

  it('are so many of one booking, one customer and one address, and the others are served', async () => {
    expect(await begun(20, () => ({ booking: 'one', customer: null, address: null }))).toBe(16);
    expect(await begun(20, (n) => ({ booking: `a${n}`, customer: 'ann', address: null }))).toBe(16);
    expect(await begun(520, (n) => ({ booking: `c${n}`, customer: `c${n}`, address: '203.0.113.7' }))).toBe(
      500,
    );
    await expect(watch({ booking: 'x', customer: 'ann', address: null }).next()).rejects.toMatchObject({
      code: 'RATE_LIMITED',
    });
    expect(await begun(1, () => ({ booking: 'y', customer: 'bob', address: '203.0.113.8' }))).toBe(1);
  });

  it('make room when they end', async () => {
    const mine = Array.from({ length: 16 }, (_, n) =>
      watch({ booking: `b${n}`, customer: 'ann', address: null }),
    );
    for (const stream of mine) await stream.next();
    const next = { booking: 'z', customer: 'ann', address: null };
    await expect(watch(next).next()).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    await mine[0]?.return();
    expect(await begun(1, () => next)).toBe(1);
  });

  it('look less and less often while nothing changes, and as before once it does', async () => {
    const stream = watch({ booking: 'b', customer: null, address: null });
    await stream.next();
    const news = stream.next();
    await jest.advanceTimersByTimeAsync(60_000);
    // once a second would be sixty
    expect(looks).toBeGreaterThan(10);
    expect(looks).toBeLessThan(20);
    current = { ...current, state: 'paying' };
    await jest.advanceTimersByTimeAsync(5000);
    expect((await news).value).toMatchObject({ state: 'paying' });
    const before = looks;
    void stream.next();
    await jest.advanceTimersByTimeAsync(250);
    expect(looks).toBe(before + 1);
  });
});
