import { setMaxListeners } from 'node:events';
import type { Actor } from '../../booking/booking.js';
import type { Ledger } from '../../booking/ledger/ledger.js';
import type { Telling, TellingEnd, ToldService } from '../../booking/ledger/tellings.js';
import type { Metrics } from '../../metrics/metrics.js';
import { NOT_CALLED, RemoteError } from '../../remote/remotes.js';
import { Chore } from '../chore.js';
import type { Reception, Told } from './told.js';

const AT_ONCE = 50;
/** Longer than a telling can take: then whoever had it is gone, and another worker tells it. */
const LEASE_MARGIN_MS = 10_000;
/** What is due is told no sooner after the last look, so that a busy worker does not look for each booking. */
const LOOK_GAP_MS = 100;
/** What is answered with a no so often, over some ten minutes, is set aside. */
const MAX_REFUSALS = 8;
const BACKOFF_MS = 1000;
const MAX_BACKOFF_MS = 30_000;
const MAX_REFUSED_BACKOFF_MS = 300_000;

export interface TellerParts {
  readonly service: ToldService;
  readonly told: Told;
  readonly ledger: Pick<Ledger, 'seal' | 'gatherTellings' | 'dueTellings' | 'endTellings'>;
  readonly metrics: Pick<Metrics, 'told'>;
  readonly actor: Actor;
  readonly intervalMs: number;
  /** Hears of what is done again, and of tellings that were set aside. */
  readonly failed: (error: unknown) => void;
}

/** A telling that was set aside, for the log. */
export class TellingRefused extends Error {
  constructor(
    service: ToldService,
    { bookingId, kind }: Pick<Telling, 'bookingId' | 'kind'>,
    reason: string,
  ) {
    super(`The ${service} service does not take ${kind} of the booking ${bookingId}: ${reason}`);
    this.name = 'TellingRefused';
  }
}

/**
 * Tells one service what has become of bookings. Bookings never wait for it: what is due is in the ledger, made from
 * its audit log, so that neither a crash here nor an outage there loses anything. In every worker at once.
 */
export class Teller {
  private readonly chore: Chore;
  private lookedAt = -Infinity;

  constructor(private readonly parts: TellerParts) {
    this.chore = new Chore(parts.intervalMs, (signal) => this.round(signal), parts.failed);
  }

  start(): void {
    this.chore.start();
  }

  /** Something has just become due. */
  hasten(): void {
    if (performance.now() - this.lookedAt >= LOOK_GAP_MS) this.chore.hasten();
  }

  /** Idempotent; resolves once what is under way is over. */
  async stop(): Promise<void> {
    await this.chore.stop();
  }

  private async round(signal: AbortSignal): Promise<void> {
    const { ledger, service } = this.parts;
    this.lookedAt = performance.now();
    // each telling listens, to the same end
    setMaxListeners(2 * AT_ONCE, signal);
    // what has just been committed is in a seal as soon as nothing older can follow
    await ledger.seal();
    while (await ledger.gatherTellings(service)) signal.throwIfAborted();
    while (await this.tellSome(signal)) signal.throwIfAborted();
  }

  /** True where there may be more that can be told now. */
  private async tellSome(signal: AbortSignal): Promise<boolean> {
    const { ledger, service, told, actor } = this.parts;
    const limit = { up: AT_ONCE, trying: 1, down: 0 }[told.state];
    if (limit === 0) return false;
    const due = await ledger.dueTellings(service, limit, told.patienceMs + LEASE_MARGIN_MS);
    if (due.length === 0) return false;
    const ends = await Promise.all(due.map((telling) => this.tell(telling, signal)));
    await ledger.endTellings(service, ends, actor);
    return due.length === limit;
  }

  private async tell(telling: Telling, signal: AbortSignal): Promise<TellingEnd> {
    const { service, told, metrics } = this.parts;
    const end = await told.tell(telling, signal).then(
      (reception) => this.received(telling, reception),
      (error: unknown) => this.failed(telling, error),
    );
    metrics.told(service, telling.kind, end.outcome);
    return end;
  }

  private received(telling: Telling, reception: Reception): TellingEnd {
    switch (reception.kind) {
      case 'told':
        return { ...keyOf(telling), outcome: 'told' };
      case 'not-yet':
        return later(telling, backoff(telling.tries, MAX_BACKOFF_MS), reception.reason);
      case 'refused':
        return this.refused(telling, reception.reason);
      case 'too-late':
        return this.setAside(telling, reception.reason);
    }
  }

  private failed(telling: Telling, error: unknown): TellingEnd {
    if (!(error instanceof RemoteError)) {
      this.parts.failed(error);
      return this.refused(telling, 'ANSWER_NOT_UNDERSTOOD');
    }
    const reason = error.code ?? error.status;
    switch (error.outcome) {
      case 'refused':
        return this.refused(telling, reason);
      case 'unknown':
        return later(telling, backoff(telling.tries, MAX_BACKOFF_MS), reason);
      case 'unsent': {
        // who was not let in may have been at an earlier attempt of the same call
        const isFirst = telling.sentAgoMs === null && error.status === NOT_CALLED;
        const end = later(telling, backoff(1, MAX_BACKOFF_MS), reason);
        return { ...end, unsentTry: isFirst ? telling.tries : null };
      }
    }
  }

  /** Perhaps what it lacks is still to come there: an offer, a right. So the same is told a few times more. */
  private refused(telling: Telling, reason: string): TellingEnd {
    const refusals = telling.refusals + 1;
    if (refusals < MAX_REFUSALS) {
      return { ...later(telling, backoff(refusals * 2, MAX_REFUSED_BACKOFF_MS), reason), isRefusal: true };
    }
    return this.setAside(telling, reason);
  }

  private setAside(telling: Telling, reason: string): TellingEnd {
    this.parts.failed(new TellingRefused(this.parts.service, telling, reason));
    return { ...keyOf(telling), outcome: 'refused', inMs: 0, isRefusal: true, reason };
  }
}

const keyOf = ({ bookingId, kind }: Telling): Pick<Telling, 'bookingId' | 'kind'> => ({ bookingId, kind });

const later = (
  telling: Telling,
  inMs: number,
  reason: string,
): Extract<TellingEnd, { outcome: 'later' }> => ({
  ...keyOf(telling),
  outcome: 'later',
  inMs,
  isRefusal: false,
  unsentTry: null,
  reason,
});

/** Exponential, with jitter of a half. */
const backoff = (tries: number, most: number): number =>
  Math.round(Math.min(most, BACKOFF_MS * 2 ** (tries - 1)) * (0.5 + Math.random() / 2));
