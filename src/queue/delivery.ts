/** Why a delivery was cut short. */
export type AbortCode = 'DEADLINE_EXCEEDED' | 'LOCK_LOST' | 'SHUTDOWN';

/** The reason of the signal of a delivery that was cut short. */
export class DeliveryAborted extends Error {
  constructor(readonly code: AbortCode) {
    super(code);
    this.name = 'DeliveryAborted';
  }
}

export type DeliveryOutcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'aborted'; readonly code: AbortCode };

/** How long a handler may go on after its signal was aborted before it is left to itself, in ms. */
export const ABORT_GRACE_MS = 500;

/**
 * One delivery of one job to a handler: its signal, its deadline, and the giving up on a handler that does not
 * listen to its signal, so that no deaf handler blocks a place of the worker or a shutdown.
 */
export class Delivery {
  readonly startedAt = Date.now();
  private controller: AbortController | null = null;
  private code: AbortCode | null = null;
  private giveUp: () => void = () => undefined;
  private readonly timers = new Set<NodeJS.Timeout>();

  constructor(private readonly deadlineMs: number) {}

  /** Aborts the signal; the first cause is the one that counts. After a grace the handler is not awaited any more. */
  abort(code: AbortCode): void {
    if (this.code !== null) return;
    this.code = code;
    this.controller?.abort(new DeliveryAborted(code));
    this.after(ABORT_GRACE_MS, () => this.giveUp());
  }

  /** Made when it is first asked for: many handlers are done before they look, and making one is dear. */
  get signal(): AbortSignal {
    if (this.controller === null) {
      this.controller = new AbortController();
      if (this.code !== null) this.controller.abort(new DeliveryAborted(this.code));
    }
    return this.controller.signal;
  }

  run(handle: (signal: AbortSignal) => Promise<void>): Promise<DeliveryOutcome> {
    return this.runLazily(() => handle(this.signal));
  }

  /** Never rejects. A handler that finishes although it was aborted has done its work: that is `done`. */
  async runLazily(handle: () => Promise<void>): Promise<DeliveryOutcome> {
    const abandoned = new Promise<'abandoned'>((resolve) => (this.giveUp = () => resolve('abandoned')));
    this.after(this.deadlineMs, () => this.abort('DEADLINE_EXCEEDED'));
    try {
      const work = Promise.resolve(handle()).then(() => 'done' as const);
      const end = await Promise.race([work, abandoned]);
      return end === 'done' || this.code === null ? { kind: 'done' } : { kind: 'aborted', code: this.code };
    } catch (error) {
      return this.code === null ? { kind: 'failed', error } : { kind: 'aborted', code: this.code };
    } finally {
      for (const timer of this.timers) clearTimeout(timer);
    }
  }

  private after(ms: number, action: () => void): void {
    this.timers.add(setTimeout(action, ms));
  }
}
