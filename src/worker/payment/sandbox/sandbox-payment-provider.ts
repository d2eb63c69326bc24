import { setTimeout as sleep } from 'node:timers/promises';
import type { OnApplicationShutdown } from '@nestjs/common';
import type { BankRecord, SandboxBank } from '../../../database/sandbox-bank.js';
import {
  PaymentProvider,
  ProviderRefused,
  ProviderUnavailable,
  type Captured,
  type ChargeAttempt,
  type ChargePage,
  type Declined,
  type Refunded,
  type RefundPending,
  type RefundRequest,
  type Unknown,
  type Voided,
} from '../payment-provider.js';
import {
  LATE_MS,
  planCharge,
  REFUND_ERROR_ONCE,
  REFUND_PENDING,
  REFUND_PENDING_MS,
  SETTLE_ERROR_ONCE,
  type ChargePlan,
  type Random,
  type SandboxSettings,
} from './faults.js';

const UNKNOWN: Unknown = { kind: 'unknown' };

/** A stand-in for a payment provider: no money moves, everything else does. See docs/sandbox-payments.md. */
export class SandboxPaymentProvider extends PaymentProvider implements OnApplicationShutdown {
  constructor(
    private readonly bank: SandboxBank,
    private readonly settings: SandboxSettings,
    private readonly random: Random = Math.random,
  ) {
    super();
  }

  override async charge(attempt: ChargeAttempt, signal: AbortSignal): Promise<Captured | Declined | Unknown> {
    signal.throwIfAborted();
    const plan = planCharge(attempt.method, this.settings, this.random);
    if (plan.arrives === 'never' && !(await this.hasFailedBefore(plan, attempt))) {
      await this.wait(plan.delayMs, signal);
      return silence(plan);
    }
    const record = await this.deliver(attempt, plan, signal);
    // A repetition is told what the first call did, as by any idempotent interface.
    if (plan.answer === 'error' && record.isNew) throw unavailable();
    if (plan.answer === 'unknown' && record.isNew) return UNKNOWN;
    if (!record.arrived) return UNKNOWN;
    return record.state === 'captured' ? { kind: 'captured' } : declined(record);
  }

  override async settle(attempt: ChargeAttempt, signal: AbortSignal): Promise<Captured | Declined | Voided> {
    await this.travel(signal);
    if (attempt.method === SETTLE_ERROR_ONCE) await this.failOnce(`settle ${attempt.key}`);
    const record = known(await this.ask(() => this.bank.settle(attempt)));
    switch (record.state) {
      case 'captured':
        return { kind: 'captured' };
      case 'declined':
        return declined(record);
      case 'voided':
        return { kind: 'voided' };
    }
  }

  override async refund(refund: RefundRequest, signal: AbortSignal): Promise<Refunded | RefundPending> {
    await this.travel(signal);
    const result = await this.ask(() => this.bank.refund(refund, REFUND_PENDING, REFUND_PENDING_MS));
    const method = await this.ask(() => this.bank.methodOf(refund.chargeKey));
    // Given back, and nobody hears of it.
    if (method === REFUND_ERROR_ONCE) await this.failOnce(`refund ${refund.key}`);
    switch (result) {
      case 'refunded':
        return { kind: 'refunded' };
      case 'pending':
        return { kind: 'refund_pending' };
      case 'key_reused':
      case 'not_captured':
      case 'refund_exceeds_charge':
        throw new ProviderRefused(result);
    }
  }

  /** The sandbox's bank sends nothing back. */
  override refundStands(_: RefundRequest, signal: AbortSignal): Promise<boolean> {
    return this.travel(signal).then(() => true);
  }

  override async charges(page: {
    readonly after: string | null;
    readonly limit: number;
  }): Promise<ChargePage> {
    const listed = await this.ask(() => this.bank.list(page.after ?? '0', page.limit));
    const last = listed.at(-1);
    return {
      charges: listed.map(({ id: _, ...charge }) => charge),
      next: last !== undefined && listed.length === page.limit ? last.id : null,
    };
  }

  override forget(chargeKeys: readonly string[]): Promise<void> {
    return this.ask(() => this.bank.forget(chargeKeys));
  }

  override close(): Promise<void> {
    return this.bank.close();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.close();
  }

  /** The charge is on its way from the first moment: who stops waiting for the answer does not call it back. */
  private async deliver(attempt: ChargeAttempt, plan: ChargePlan, signal: AbortSignal): Promise<BankRecord> {
    const inMs = plan.delayMs + (plan.arrives === 'late' ? LATE_MS : 0);
    const sent = known(await this.ask(() => this.bank.charge(attempt, plan.declineReason, inMs)));
    if (plan.delayMs === 0) return sent;
    await this.wait(plan.delayMs, signal);
    if (plan.arrives === 'late') return sent;
    const arrived = known(await this.ask(() => this.bank.charge(attempt, plan.declineReason, 0)));
    return { ...arrived, isNew: sent.isNew };
  }

  private async hasFailedBefore(plan: ChargePlan, attempt: ChargeAttempt): Promise<boolean> {
    return plan.answer === 'error_once' && !(await this.ask(() => this.bank.isFirstCall(attempt.key)));
  }

  private async failOnce(call: string): Promise<void> {
    if (await this.ask(() => this.bank.isFirstCall(call))) throw unavailable();
  }

  /** The way to the bank of a verb other than `charge`: as slow, and as often cut. */
  private async travel(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await this.wait(this.settings.delayMs, signal);
    if (this.random() < this.settings.errorRate) throw unavailable();
  }

  private async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (ms > 0) {
      await sleep(ms, undefined, { signal }).catch((error: unknown) => {
        signal.throwIfAborted();
        throw error;
      });
    }
  }

  private async ask<T>(question: () => Promise<T>): Promise<T> {
    try {
      return await question();
    } catch (error) {
      throw new ProviderUnavailable('The sandbox bank does not answer', { cause: error });
    }
  }
}

/** Gives what a caller sees of a charge that never reached the bank. */
function silence(plan: ChargePlan): Unknown {
  if (plan.answer === 'unknown') return UNKNOWN;
  throw unavailable();
}

function known(record: BankRecord | null): BankRecord {
  if (record === null) throw new ProviderRefused('key_reused');
  return record;
}

const declined = (record: BankRecord): Declined => ({
  kind: 'declined',
  // A voided attempt that arrives after all is refused.
  reason: record.state === 'voided' ? 'attempt_voided' : (record.reason ?? 'card_declined'),
});

const unavailable = (): ProviderUnavailable =>
  new ProviderUnavailable('The sandbox fails, as it was told to');
