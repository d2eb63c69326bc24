import { setTimeout as sleep } from 'node:timers/promises';
import type { TellingEnd } from '../../booking/ledger/tellings.js';
import { telling } from '../../../test/support/telling.js';
import { NoMetrics } from '../../metrics/metrics.js';
import { RemoteError, type RemoteState } from '../../remote/remotes.js';
import { Teller } from './teller.js';
import type { Reception } from './told.js';

describe('a telling', () => {
  /** What is written down of it, and what the log hears. */
  const endOf = async (
    tell: () => Promise<Reception>,
    given = telling(),
  ): Promise<{ end: TellingEnd | undefined; heard: unknown[] }> => {
    const heard: unknown[] = [];
    const ends: TellingEnd[] = [];
    let due = [given];
    const teller = new Teller({
      service: 'ticket',
      told: { state: 'up', patienceMs: 1000, tell },
      ledger: {
        seal: () => Promise.resolve(0),
        gatherTellings: () => Promise.resolve(false),
        dueTellings: () => Promise.resolve(due.splice(0)),
        endTellings: (_, some) => Promise.resolve(ends.push(...some)),
      },
      metrics: new NoMetrics(),
      actor: { kind: 'system', id: 'test', correlationId: 'test' },
      intervalMs: 1,
      failed: (error) => heard.push(error),
    });
    teller.start();
    while (ends.length === 0) await sleep(1);
    await teller.stop();
    due = [];
    return { end: ends[0], heard };
  };
  const failing = (outcome: RemoteError['outcome'], status: string) => () =>
    Promise.reject(new RemoteError('ticket', outcome, status, null));

  it('is over once it has been told', async () => {
    const { end } = await endOf(() => Promise.resolve({ kind: 'told' }));
    expect(end).toEqual({ bookingId: 'one', kind: 'reserve', outcome: 'told' });
  });

  it('with an outcome that nobody knows comes again, and counts as sent', async () => {
    const { end } = await endOf(failing('unknown', 'DEADLINE_EXCEEDED'));
    expect(end).toMatchObject({ outcome: 'later', unsentTry: null, isRefusal: false });
  });

  it('counts as never sent where at its first hand-out nothing was called, and nowhere else', async () => {
    const first = await endOf(failing('unsent', 'NOT_CALLED'), telling({ tries: 3 }));
    expect(first.end).toMatchObject({ outcome: 'later', unsentTry: 3 });
    const later = await endOf(failing('unsent', 'NOT_CALLED'), telling({ tries: 3, sentAgoMs: 0 }));
    expect(later.end).toMatchObject({ outcome: 'later', unsentTry: null });
    // an attempt before that one may have been let in
    const locked = await endOf(failing('unsent', 'UNAUTHENTICATED'));
    expect(locked.end).toMatchObject({ outcome: 'later', unsentTry: null });
    const waits = await endOf(() => Promise.resolve({ kind: 'not-yet', reason: 'NOT_HELD' }));
    expect(waits.end).toMatchObject({ outcome: 'later', unsentTry: null });
  });

  it('that cannot be told any more is set aside at once, and told of', async () => {
    const { end, heard } = await endOf(() => Promise.resolve({ kind: 'too-late', reason: 'ERASED' }));
    expect(end).toMatchObject({ outcome: 'refused', reason: 'ERASED' });
    expect(String(heard)).toContain('ERASED');
  });

  it('that was not sent comes again soon, however often that was so', async () => {
    const { end } = await endOf(failing('unsent', 'NOT_CALLED'), telling({ tries: 20 }));
    expect(end).toMatchObject({ outcome: 'later', isRefusal: false });
    expect(end).toHaveProperty('inMs', expect.any(Number));
    expect(end?.outcome === 'later' ? end.inMs : Infinity).toBeLessThanOrEqual(1000);
  });

  it('that is refused comes again, later each time, and is set aside and told of at the eighth', async () => {
    const refuse = failing('refused', 'NOT_FOUND');
    const first = await endOf(refuse);
    expect(first.end).toMatchObject({ outcome: 'later', isRefusal: true, reason: 'NOT_FOUND' });
    const last = await endOf(refuse, telling({ tries: 30, refusals: 7 }));
    expect(last.end).toMatchObject({ outcome: 'refused', reason: 'NOT_FOUND' });
    expect(String(last.heard)).toContain('NOT_FOUND');
  });

  it('whose answer makes no sense counts as refused, and the log has why', async () => {
    const { end, heard } = await endOf(() => Promise.reject(new TypeError('no such member')));
    expect(end).toMatchObject({ outcome: 'later', isRefusal: true });
    expect(String(heard)).toContain('no such member');
  });

  it('goes to nobody while the service is down, and one at a time while that is being found out', async () => {
    const limits: number[] = [];
    let state: RemoteState = 'down';
    const teller = new Teller({
      service: 'ticket',
      told: {
        get state() {
          return state;
        },
        patienceMs: 1000,
        tell: () => Promise.resolve({ kind: 'told' }),
      },
      ledger: {
        seal: () => Promise.resolve(0),
        gatherTellings: () => Promise.resolve(false),
        dueTellings: (_, limit) => Promise.resolve(limits.push(limit)).then(() => []),
        endTellings: () => Promise.resolve(0),
      },
      metrics: new NoMetrics(),
      actor: { kind: 'system', id: 'test', correlationId: 'test' },
      intervalMs: 1,
      failed: () => undefined,
    });
    teller.start();
    await sleep(20);
    expect(limits).toEqual([]);
    state = 'trying';
    while (limits.length === 0) await sleep(1);
    expect(limits[0]).toBe(1);
    await teller.stop();
  });
});
