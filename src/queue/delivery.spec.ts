import { setTimeout as sleep } from 'node:timers/promises';
import { ABORT_GRACE_MS, Delivery, DeliveryAborted } from './delivery.js';

const forever = (): Promise<void> => new Promise(() => undefined);

/** A handler that ends with its signal. */
async function obedient(signal: AbortSignal): Promise<void> {
  await sleep(60_000, undefined, { signal }).catch(() => {
    throw signal.reason;
  });
}

describe('A delivery', () => {
  it('is done when its handler is', async () => {
    expect(await new Delivery(1000).run(() => Promise.resolve())).toEqual({ kind: 'done' });
  });

  it('has failed with what the handler threw, also before its first wait', async () => {
    const error = new Error('no');
    expect(await new Delivery(1000).run(() => Promise.reject(error))).toEqual({ kind: 'failed', error });
    const thrown = new Delivery(1000).run(() => {
      throw error;
    });
    expect(await thrown).toEqual({ kind: 'failed', error });
  });

  it('is aborted at its deadline, with the reason', async () => {
    const reasons: unknown[] = [];
    const outcome = await new Delivery(30).run((signal) => {
      signal.addEventListener('abort', () => reasons.push(signal.reason));
      return obedient(signal);
    });
    expect(outcome).toEqual({ kind: 'aborted', code: 'DEADLINE_EXCEEDED' });
    expect(reasons).toEqual([new DeliveryAborted('DEADLINE_EXCEEDED')]);
  });

  it('lets the first cause count, also for a signal that is asked for later', async () => {
    const delivery = new Delivery(60_000);
    const outcome = delivery.run(obedient);
    delivery.abort('SHUTDOWN');
    delivery.abort('LOCK_LOST');
    expect(await outcome).toEqual({ kind: 'aborted', code: 'SHUTDOWN' });
    const early = new Delivery(60_000);
    early.abort('LOCK_LOST');
    expect(early.signal.reason).toEqual(new DeliveryAborted('LOCK_LOST'));
  });

  it('counts a handler that finished although it was aborted as done', async () => {
    const delivery = new Delivery(60_000);
    const outcome = delivery.run(() => sleep(50));
    delivery.abort('SHUTDOWN');
    expect(await outcome).toEqual({ kind: 'done' });
  });

  it('gives up on a handler that does not listen, a grace after the abort, and tells of it once', async () => {
    const delivery = new Delivery(60_000);
    const began = performance.now();
    const outcomes: unknown[] = [];
    let finish: () => void = () => undefined;
    const work = new Promise<void>((resolve) => (finish = resolve));
    delivery.start(
      () => work,
      (outcome) => outcomes.push(outcome),
    );
    delivery.abort('LOCK_LOST');
    expect(outcomes).toEqual([]);
    await new Delivery(0).run(forever);
    expect(performance.now() - began).toBeGreaterThanOrEqual(ABORT_GRACE_MS - 1);
    finish();
    await sleep(1);
    expect(outcomes).toEqual([{ kind: 'aborted', code: 'LOCK_LOST' }]);
  });
});
