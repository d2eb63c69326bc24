import { setTimeout as sleep } from 'node:timers/promises';
import { Deadlines, type Timed } from './deadlines.js';
import type { JobContext } from './job-queue.js';

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

const DONE: DeliveryOutcome = { kind: 'done' };
const deadlines = new Deadlines();

/**
 * One delivery of one job to a handler: its signal, its deadline, and the giving up on a handler that does not
 * listen to its signal, so that no deaf handler blocks a place of the worker or a shutdown.
 */
export class Delivery implements Timed {
  readonly startedAt = Date.now();
  /** Of the deadline; once aborted, of the giving up. */
  dueAt: number;
  private controller: AbortController | null = null;
  private code: AbortCode | null = null;
  /** Null before the start and after the end. */
  private ended: ((outcome: DeliveryOutcome) => void) | null = null;

  constructor(deadlineMs: number) {
    this.dueAt = performance.now() + deadlineMs;
  }

  /** Aborts the signal; the first cause is the one that counts. After a grace the handler is not awaited any more. */
  abort(code: AbortCode): void {
    if (this.code !== null) return;
    this.code = code;
    this.dueAt = performance.now() + ABORT_GRACE_MS;
    this.controller?.abort(new DeliveryAborted(code));
  }

  /** Made when it is first asked for: many handlers are done before they look, and making one is dear. */
  get signal(): AbortSignal {
    if (this.controller === null) {
      this.controller = new AbortController();
      if (this.code !== null) this.controller.abort(new DeliveryAborted(this.code));
    }
    return this.controller.signal;
  }

  /** Never rejects. A handler that finishes although it was aborted has done its work: that is `done`. */
  run(handle: (signal: AbortSignal) => Promise<void>): Promise<DeliveryOutcome> {
    return new Promise((resolve) => this.start(() => handle(this.signal), resolve));
  }

  /** As `run`, without making a promise or a signal: `ended` is called once, after this call has returned. */
  start(handle: () => Promise<void>, ended: (outcome: DeliveryOutcome) => void): void {
    this.ended = ended;
    deadlines.add(this);
    let work: Promise<void>;
    try {
      work = Promise.resolve(handle());
    } catch (error) {
      // before its first wait: it has failed as any other
      queueMicrotask(() => this.failed(error));
      return;
    }
    work.then(
      () => this.end(DONE),
      (error: unknown) => this.failed(error),
    );
  }

  onDue(): void {
    if (this.code === null) this.abort('DEADLINE_EXCEEDED');
    else this.end(this.cutShort(this.code));
  }

  private failed(error: unknown): void {
    this.end(this.code === null ? { kind: 'failed', error } : this.cutShort(this.code));
  }

  private cutShort(code: AbortCode): DeliveryOutcome {
    return { kind: 'aborted', code };
  }

  private end(outcome: DeliveryOutcome): void {
    const { ended } = this;
    if (ended === null) return;
    this.ended = null;
    deadlines.remove(this);
    ended(outcome);
  }
}

/** What a handler sees of its delivery. */
export class HandlerContext implements JobContext {
  constructor(
    private readonly delivery: Delivery,
    readonly progress: (percent: number) => Promise<void>,
  ) {}

  get signal(): AbortSignal {
    return this.delivery.signal;
  }
}

/** Why a job is tried again whose handler took too long. */
export class PastDeadline extends Error {
  readonly code = 'DEADLINE_EXCEEDED';
}

/** Whether the work ends in so many ms; it may go on after. */
export async function endsWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  const timeout = new AbortController();
  const late = sleep(ms, false, { signal: timeout.signal }).catch(() => false);
  const ended = await Promise.race([work.then(() => true), late]);
  timeout.abort();
  return ended;
}
