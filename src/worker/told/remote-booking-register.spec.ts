import type { Telling } from '../../booking/ledger/tellings.js';
import { telling as tellingOf } from '../../../test/support/telling.js';
import { NOT_CALLED, RemoteError } from '../../remote/remotes.js';
import { RemoteBookingRegister } from './remote-booking-register.js';
import type { Reception } from './told.js';

const HOUR_MS = 3600 * 1000;

const telling = (more: Partial<Telling> = {}): Telling =>
  tellingOf({ bookingId: 'ours', kind: 'confirm', fence: 2, ...more });

describe('a remote booking service', () => {
  let called: string[] = [];
  /** By method, how it fails. */
  let failures: Readonly<Record<string, RemoteError>> = {};
  beforeEach(() => {
    called = [];
    failures = {};
  });

  const register = new RemoteBookingRegister(
    {
      state: 'up',
      call: (method) => {
        called.push(method);
        const failure = failures[method];
        return failure === undefined
          ? Promise.resolve({ acceptance: { bookingId: 'theirs', token: 'token' } })
          : Promise.reject(failure);
      },
    },
    'prepaid',
    1000,
  );
  const tell = (given: Telling): Promise<Reception> => register.tell(given, new AbortController().signal);
  const unsent = new RemoteError('booking', 'unsent', NOT_CALLED, null);
  const refusal = (code: string): RemoteError =>
    new RemoteError('booking', 'refused', 'FAILED_PRECONDITION', code);

  it('is not told again once its keys may have ended, whatever it answered before', async () => {
    expect(await tell(telling({ sentAgoMs: 24 * HOUR_MS }))).toEqual({
      kind: 'too-late',
      reason: 'TOO_LATE_TO_REPEAT',
    });
    expect(called).toEqual([]);
    expect(await tell(telling({ sentAgoMs: 22 * HOUR_MS }))).toEqual({ kind: 'told' });
  });

  it('is told nothing of somebody who is erased', async () => {
    expect(await tell(telling({ isErased: true }))).toEqual({ kind: 'too-late', reason: 'ERASED' });
    expect(called).toEqual([]);
  });

  it('has been told something once it has reserved, whether or not the next call is made', async () => {
    failures = { ConfirmBooking: unsent };
    expect(await tell(telling())).toEqual({ kind: 'not-yet', reason: NOT_CALLED });
    failures = { ConfirmBooking: refusal('SETTLED'), GetBooking: unsent };
    expect(await tell(telling())).toEqual({ kind: 'not-yet', reason: NOT_CALLED });
    failures = { ReserveBooking: unsent };
    await expect(tell(telling())).rejects.toBe(unsent);
  });
});
