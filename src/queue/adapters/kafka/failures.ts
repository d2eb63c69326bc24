import { BrokerError } from '../../broker-error.js';
import { brokerError, isMissingCoordinator, isPassing, isRebalance } from './errors.js';

/** kafkajs repeats for so long at most before it says that it finds no coordinator. */
const REFUSED_MS = 30_000;

/** What fails or goes well, beside topics, which have their own names. */
export const readingOf = (group: string): string => `reading of ${group}`;
export const commitOf = (group: string): string => `commit of ${group}`;

/**
 * What has failed and not gone well since. A broker that answers when it is asked how it is may still refuse each message: for want of
 * a right, or of replicas.
 */
export class Failures {
  private readonly last = new Map<string, BrokerError>();
  private refusedAt = Number.NEGATIVE_INFINITY;

  constructor(
    /** For messages. */
    readonly broker: string,
    private readonly now: () => number = Date.now,
  ) {}

  /** kafkajs throws that there is no coordinator, and keeps the cause to itself: it was told before. */
  groupRefused(): void {
    this.refusedAt = this.now();
  }

  /** The error under our code. */
  named(error: unknown): BrokerError {
    if (isMissingCoordinator(error) && this.now() - this.refusedAt < REFUSED_MS) {
      const detail = 'GROUP_AUTHORIZATION_FAILED';
      return new BrokerError('BROKER_NOT_AUTHORIZED', this.broker, detail, { cause: error });
    }
    return brokerError(error, this.broker);
  }

  /** `what` is a topic or the like: what goes well there takes the failure away. */
  failed(what: string, error: unknown): BrokerError {
    const told = this.named(error);
    if (!isRebalance(error)) this.last.set(what, told);
    return told;
  }

  /** A consumer has no place in its group, for as long as its reading has not gone well. */
  away(group: string, error: unknown): void {
    const detail = `no place in ${group} yet`;
    const told = this.passes(error)
      ? new BrokerError('BROKER_GROUP_UNSETTLED', this.broker, detail, { cause: error })
      : this.named(error);
    this.last.set(readingOf(group), told);
  }

  /** Whether what failed may go well when it is tried again. */
  passes(error: unknown): boolean {
    return isPassing(error) || (isMissingCoordinator(error) && this.named(error).code === 'BROKER_FAILED');
  }

  went(what: string): void {
    this.last.delete(what);
  }

  /** Remembers how it ends. */
  async watch<T>(what: string, work: Promise<T>): Promise<T> {
    try {
      const result = await work;
      this.went(what);
      return result;
    } catch (error) {
      this.failed(what, error);
      throw error;
    }
  }

  /** The failure there; null: none. */
  of(what: string): BrokerError | null {
    return this.last.get(what) ?? null;
  }

  /** Where something has failed. */
  places(): string[] {
    return [...this.last.keys()];
  }

  /** @throws BrokerError what has failed, wherever */
  assertNone(): void {
    for (const error of this.last.values()) throw error;
  }
}
