import { BrokerError } from '../../broker-error.js';
import { brokerError, isMissingCoordinator, isRebalance } from './errors.js';

/** A failure counts for so long, unless the same has gone well since. */
const REMEMBERED_MS = 10_000;
/** kafkajs repeats for so long at most before it says that it finds no coordinator. */
const REFUSED_MS = 30_000;

/**
 * What has failed lately. A broker that answers when it is asked how it is may still refuse each message: for want of
 * a right, or of replicas.
 */
export class Failures {
  private readonly last = new Map<string, { readonly error: BrokerError; readonly at: number }>();
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
    if (!isRebalance(error)) this.last.set(what, { error: told, at: this.now() });
    return told;
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

  /** The last failure there; null: none lately. */
  of(what: string): BrokerError | null {
    const failure = this.last.get(what);
    if (failure === undefined) return null;
    if (this.now() - failure.at < REMEMBERED_MS) return failure.error;
    this.last.delete(what);
    return null;
  }

  /** @throws BrokerError what has failed lately, wherever */
  assertNone(): void {
    for (const what of this.last.keys()) {
      const error = this.of(what);
      if (error !== null) throw error;
    }
  }
}
