import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { SandboxBank } from '../../../src/database/sandbox-bank.js';
import {
  ProviderRefused,
  ProviderUnavailable,
  type ChargeAttempt,
  type PaymentProvider,
  type ProviderCharge,
} from '../../../src/worker/payment/payment-provider.js';
import { LATE_MS, REFUND_PENDING_MS, type Random } from '../../../src/worker/payment/sandbox/faults.js';
import { SandboxPaymentProvider } from '../../../src/worker/payment/sandbox/sandbox-payment-provider.js';

const adminUrl = process.env['DATABASE_URL'] ?? '';
const database = `sandbox_${randomUUID().replaceAll('-', '')}`;
const opened: PaymentProvider[] = [];
const forever = new AbortController().signal;
setMaxListeners(0, forever);
const quiet = { delayMs: 0, declineRate: 0, errorRate: 0, unknownRate: 0 };

async function administer(sql: string): Promise<void> {
  const client = new Client({ connectionString: adminUrl });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** A provider as one process has it: its own connections to the one bank. */
function openSandbox(settings: Partial<typeof quiet> = {}, random?: Random): SandboxPaymentProvider {
  const url = new URL(adminUrl);
  url.pathname = `/${database}`;
  const provider = new SandboxPaymentProvider(new SandboxBank(url.href), { ...quiet, ...settings }, random);
  opened.push(provider);
  return provider;
}

const attemptBy = (method: string, change: Partial<ChargeAttempt> = {}): ChargeAttempt => ({
  key: randomUUID(),
  bookingId: randomUUID(),
  fence: 1,
  amountMinor: 4500,
  currency: 'EUR',
  method,
  ...change,
});

async function recordsOf(provider: PaymentProvider, key: string): Promise<ProviderCharge[]> {
  const found: ProviderCharge[] = [];
  let after: string | null = null;
  do {
    const page = await provider.charges({ after, limit: 7 });
    found.push(...page.charges.filter((charge) => charge.key === key));
    after = page.next;
  } while (after !== null);
  return found;
}

beforeAll(() => administer(`create database ${database}`));
afterAll(async () => {
  await Promise.all(opened.map((provider) => provider.close()));
  await administer(`drop database if exists ${database} with (force)`);
});

describe('the sandbox bank', () => {
  it('makes its tables when several processes meet it at the same moment', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 6 }, () => openSandbox().charge(attemptBy('pm_ok'), forever)),
    );
    expect(outcomes).toEqual(Array.from({ length: 6 }, () => ({ kind: 'captured' })));
  });

  it('captures once when 100 equal charges come at the same moment from two processes', async () => {
    const [one, other] = [openSandbox(), openSandbox()];
    const attempt = attemptBy('pm_ok');
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, (_, n) => (n % 2 === 0 ? one : other).charge(attempt, forever)),
    );
    expect(new Set(outcomes.map((outcome) => outcome.kind))).toEqual(new Set(['captured']));
    expect(await recordsOf(openSandbox(), attempt.key)).toEqual([
      {
        key: attempt.key,
        bookingId: attempt.bookingId,
        amountMinor: 4500,
        currency: 'EUR',
        state: 'captured',
        refundedMinor: 0,
      },
    ]);
  });

  it('refuses another amount, currency or booking under a known key, and changes nothing', async () => {
    const provider = openSandbox();
    const attempt = attemptBy('pm_ok');
    await provider.charge(attempt, forever);
    for (const change of [{ amountMinor: 4501 }, { currency: 'USD' }, { bookingId: randomUUID() }]) {
      await expect(provider.charge({ ...attempt, ...change }, forever)).rejects.toThrow(
        new ProviderRefused('key_reused'),
      );
      await expect(provider.settle({ ...attempt, ...change }, forever)).rejects.toThrow(
        new ProviderRefused('key_reused'),
      );
    }
    expect(await recordsOf(provider, attempt.key)).toMatchObject([{ amountMinor: 4500, state: 'captured' }]);
  });

  it('is unavailable, not wrong, when its database does not answer', async () => {
    const url = new URL(adminUrl);
    url.searchParams.delete('host');
    url.port = '1';
    const provider = new SandboxPaymentProvider(new SandboxBank(url.href), quiet);
    await expect(provider.charge(attemptBy('pm_ok'), forever)).rejects.toThrow(ProviderUnavailable);
    await provider.close();
    await provider.close();
  });
});

describe('a magic payment method', () => {
  it.each([
    ['pm_decline', 'card_declined'],
    ['pm_decline_insufficient_funds', 'insufficient_funds'],
  ])('%s is declined for %s, every time', async (method, reason) => {
    const provider = openSandbox();
    const attempt = attemptBy(method);
    expect(await provider.charge(attempt, forever)).toEqual({ kind: 'declined', reason });
    expect(await provider.charge(attempt, forever)).toEqual({ kind: 'declined', reason });
    expect(await provider.settle(attempt, forever)).toEqual({ kind: 'declined', reason });
  });

  it('pm_error_once fails the first time and captures the second', async () => {
    const provider = openSandbox();
    const attempt = attemptBy('pm_error_once');
    await expect(provider.charge(attempt, forever)).rejects.toThrow(ProviderUnavailable);
    expect(await provider.charge(attempt, forever)).toEqual({ kind: 'captured' });
  });

  it('pm_error fails every time and takes no money', async () => {
    const provider = openSandbox();
    const attempt = attemptBy('pm_error');
    await expect(provider.charge(attempt, forever)).rejects.toThrow(ProviderUnavailable);
    await expect(provider.charge(attempt, forever)).rejects.toThrow(ProviderUnavailable);
    expect(await provider.settle(attempt, forever)).toEqual({ kind: 'voided' });
  });

  it('pm_slow captures, but not before two seconds have passed', async () => {
    const provider = openSandbox();
    const attempt = attemptBy('pm_slow');
    const charging = provider.charge(attempt, forever);
    await sleep(200);
    expect(await recordsOf(provider, attempt.key)).toEqual([]);
    expect(await charging).toEqual({ kind: 'captured' });
    expect(await recordsOf(provider, attempt.key)).toMatchObject([{ state: 'captured' }]);
  });

  it('pm_slow takes the money although the caller stopped waiting for the answer', async () => {
    const provider = openSandbox();
    const attempt = attemptBy('pm_slow');
    const impatient = new AbortController();
    const charging = provider.charge(attempt, impatient.signal);
    setTimeout(() => impatient.abort(new Error('shutting down')), 100);
    await expect(charging).rejects.toThrow('shutting down');
    expect(await provider.charge(attempt, forever)).toEqual({ kind: 'captured' });
    expect(await recordsOf(provider, attempt.key)).toHaveLength(1);
  });

  it('pm_timeout_captured answers nothing, and settling finds the money taken', async () => {
    const provider = openSandbox();
    const attempt = attemptBy('pm_timeout_captured');
    expect(await provider.charge(attempt, forever)).toEqual({ kind: 'unknown' });
    expect(await provider.settle(attempt, forever)).toEqual({ kind: 'captured' });
    expect(await provider.charge(attempt, forever)).toEqual({ kind: 'captured' });
  });

  it('pm_timeout_lost answers nothing, and settling voids it for good', async () => {
    const provider = openSandbox();
    const attempt = attemptBy('pm_timeout_lost');
    expect(await provider.charge(attempt, forever)).toEqual({ kind: 'unknown' });
    expect(await provider.settle(attempt, forever)).toEqual({ kind: 'voided' });
    expect(await provider.settle(attempt, forever)).toEqual({ kind: 'voided' });
  });

  it('pm_timeout_late reaches the bank a second later when nobody has voided it', async () => {
    const provider = openSandbox();
    const attempt = attemptBy('pm_timeout_late');
    expect(await provider.charge(attempt, forever)).toEqual({ kind: 'unknown' });
    expect(await recordsOf(provider, attempt.key)).toEqual([]);
    await sleep(LATE_MS + 50);
    expect(await provider.settle(attempt, forever)).toEqual({ kind: 'captured' });
  });

  it('pm_timeout_late is refused on arrival when it has been voided by then', async () => {
    const provider = openSandbox();
    const attempt = attemptBy('pm_timeout_late');
    await provider.charge(attempt, forever);
    expect(await provider.settle(attempt, forever)).toEqual({ kind: 'voided' });
    await sleep(LATE_MS + 50);
    expect(await recordsOf(provider, attempt.key)).toMatchObject([{ state: 'voided' }]);
    expect(await provider.settle(attempt, forever)).toEqual({ kind: 'voided' });
  });
});

describe('settling', () => {
  it('refuses a charge that arrives after the void', async () => {
    const provider = openSandbox();
    const attempt = attemptBy('pm_ok');
    expect(await provider.settle(attempt, forever)).toEqual({ kind: 'voided' });
    expect(await provider.charge(attempt, forever)).toEqual({
      kind: 'declined',
      reason: 'attempt_voided',
    });
    expect(await recordsOf(provider, attempt.key)).toMatchObject([{ state: 'voided' }]);
  });

  it('and charging at the same moment agree on which came first', async () => {
    const [a, b] = [openSandbox(), openSandbox()];
    for (let round = 0; round < 40; round++) {
      const attempt = attemptBy('pm_ok');
      const calls = [() => a.charge(attempt, forever), () => b.settle(attempt, forever)];
      if (round % 2 === 1) calls.reverse();
      const outcomes = (await Promise.all(calls.map((call) => call()))).map((answer) => answer.kind);
      const captured = outcomes.includes('captured');
      expect(outcomes.sort()).toEqual(captured ? ['captured', 'captured'] : ['declined', 'voided']);
      expect(await a.settle(attempt, forever)).toEqual({ kind: captured ? 'captured' : 'voided' });
    }
  });
});

describe('a refund', () => {
  it('happens once per key, however often and at once it is asked for', async () => {
    const provider = openSandbox();
    const attempt = attemptBy('pm_ok');
    await provider.charge(attempt, forever);
    const refund = { key: randomUUID(), chargeKey: attempt.key, amountMinor: 4500, currency: 'EUR' };
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => provider.refund(refund, forever)));
    expect(new Set(outcomes.map((one) => one.kind))).toEqual(new Set(['refunded']));
    expect(await recordsOf(provider, attempt.key)).toMatchObject([
      { state: 'captured', refundedMinor: 4500 },
    ]);
    await expect(provider.refund({ ...refund, amountMinor: 1 }, forever)).rejects.toThrow(
      new ProviderRefused('key_reused'),
    );
  });

  it('never gives back more than was captured, also when parts compete', async () => {
    const provider = openSandbox();
    const attempt = attemptBy('pm_ok');
    await provider.charge(attempt, forever);
    const part = () => ({ key: randomUUID(), chargeKey: attempt.key, amountMinor: 1500, currency: 'EUR' });
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, () => provider.refund(part(), forever)),
    );
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(3);
    expect(await recordsOf(provider, attempt.key)).toMatchObject([{ refundedMinor: 4500 }]);
  });

  it('is refused for a charge that was declined, voided or never made', async () => {
    const provider = openSandbox();
    const declined = attemptBy('pm_decline');
    const voided = attemptBy('pm_ok');
    await provider.charge(declined, forever);
    await provider.settle(voided, forever);
    for (const chargeKey of [declined.key, voided.key, randomUUID()]) {
      const refund = { key: randomUUID(), chargeKey, amountMinor: 1, currency: 'EUR' };
      await expect(provider.refund(refund, forever)).rejects.toThrow(new ProviderRefused('not_captured'));
    }
  });

  it('to pm_refund_pending is pending first and counts once it has gone through', async () => {
    const provider = openSandbox();
    const attempt = attemptBy('pm_refund_pending');
    await provider.charge(attempt, forever);
    const refund = { key: randomUUID(), chargeKey: attempt.key, amountMinor: 4500, currency: 'EUR' };
    expect(await provider.refund(refund, forever)).toEqual({ kind: 'refund_pending' });
    expect(await recordsOf(provider, attempt.key)).toMatchObject([{ refundedMinor: 0 }]);
    await sleep(REFUND_PENDING_MS + 50);
    expect(await provider.refund(refund, forever)).toEqual({ kind: 'refunded' });
    expect(await recordsOf(provider, attempt.key)).toMatchObject([{ refundedMinor: 4500 }]);
  });
});

describe('a fault by name', () => {
  it('may hide a capture behind an error, which a repetition reports', async () => {
    const provider = openSandbox();
    const attempt = attemptBy('pm_error_captured');
    await expect(provider.charge(attempt, forever)).rejects.toThrow(ProviderUnavailable);
    expect(await provider.charge(attempt, forever)).toEqual({ kind: 'captured' });
    expect(await recordsOf(provider, attempt.key)).toHaveLength(1);
  });

  it('may keep a settlement waiting, or a refund that went through', async () => {
    const provider = openSandbox();
    const attempt = attemptBy('pm_timeout_settle_error_once');
    expect(await provider.charge(attempt, forever)).toEqual({ kind: 'unknown' });
    await expect(provider.settle(attempt, forever)).rejects.toThrow(ProviderUnavailable);
    expect(await provider.settle(attempt, forever)).toEqual({ kind: 'captured' });

    const other = attemptBy('pm_refund_error_once');
    await provider.charge(other, forever);
    const refund = { key: randomUUID(), chargeKey: other.key, amountMinor: 4500, currency: 'EUR' };
    await expect(provider.refund(refund, forever)).rejects.toThrow(ProviderUnavailable);
    expect(await recordsOf(provider, other.key)).toMatchObject([{ refundedMinor: 4500 }]);
    expect(await provider.refund(refund, forever)).toEqual({ kind: 'refunded' });
    expect(await recordsOf(provider, other.key)).toMatchObject([{ refundedMinor: 4500 }]);
  });

  it('may be a bank that wants to see the customer', async () => {
    expect(await openSandbox().charge(attemptBy('pm_decline_authentication'), forever)).toEqual({
      ...{ kind: 'declined', reason: 'authentication_required' },
    });
  });
});

describe('under configured faults', () => {
  it('every attempt that is repeated and settled ends definite, with one record and one truth', async () => {
    const provider = openSandbox({ delayMs: 1, declineRate: 0.2, errorRate: 0.3, unknownRate: 0.3 });
    const attempts = Array.from({ length: 60 }, () => attemptBy('visa'));
    await Promise.all(
      attempts.map(async (attempt) => {
        const seen = await provider.charge(attempt, forever).catch(() => ({ kind: 'unknown' }));
        const settled = await settleThrough(provider, attempt);
        if (seen.kind !== 'unknown') expect(settled.kind).toBe(seen.kind);
        expect(await settleThrough(provider, attempt)).toEqual(settled);
        expect(await recordsOf(provider, attempt.key)).toMatchObject([{ state: settled.kind }]);
      }),
    );
  });

  it('an error may hide a capture, which a repetition reports', async () => {
    const numbers = [0.9, 0, 0];
    const provider = openSandbox({ errorRate: 0.5 }, () => numbers.shift() ?? 0.9);
    const attempt = attemptBy('visa');
    await expect(provider.charge(attempt, forever)).rejects.toThrow(ProviderUnavailable);
    expect(await recordsOf(provider, attempt.key)).toMatchObject([{ state: 'captured' }]);
    expect(await provider.charge(attempt, forever)).toEqual({ kind: 'captured' });
  });
});

async function settleThrough(
  provider: PaymentProvider,
  attempt: ChargeAttempt,
): ReturnType<PaymentProvider['settle']> {
  for (;;) {
    try {
      return await provider.settle(attempt, forever);
    } catch (error) {
      if (!(error instanceof ProviderUnavailable)) throw error;
    }
  }
}
