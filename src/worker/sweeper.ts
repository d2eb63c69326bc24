import { fulfilJobId, type Actor } from '../booking/booking.js';
import type { Ledger } from '../booking/ledger/ledger.js';
import { HOLDS_PER_CALL } from '../booking/ledger/release.js';
import type { Metrics } from '../metrics/metrics.js';
import type { JobQueue } from '../queue/job-queue.js';
import type { AdmissionProcessor } from './admission.processor.js';
import { Chore } from './chore.js';
import type { DataKeeper } from './data-keeper.js';
import type { MailCourier } from './mail-courier.js';
import type { MoneyKeeper } from './money-keeper.js';
import type { MoveTeller } from './move-teller.js';
import type { Sealer } from './sealer.js';

const REDRIVES_AT_ONCE = 200;
const DEPARTURES_KEPT_MS = 120_000;
const KEYS_KEPT_MS = 24 * 3600 * 1000;
const KEYS_AT_ONCE = 5000;
/** Each is looked at once a day, twenty at a time: one worker asks about 57,000 of them a day at most. */
const LOOK_AT_REFUNDS_EVERY_MS = 30_000;

const ERASE_EVERY_MS = 60_000;
const FORGET_EVERY_MS = 5000;

export interface SweeperParts {
  readonly ledger: Ledger;
  readonly queue: Pick<JobQueue, 'publish'>;
  readonly admission: AdmissionProcessor;
  readonly courier: MailCourier;
  readonly money: MoneyKeeper;
  readonly data: Pick<DataKeeper, 'eraseOver' | 'forgetElsewhere'>;
  readonly sealer: Pick<Sealer, 'seal'>;
  readonly teller: MoveTeller;
  readonly metrics: Metrics;
  readonly actor: Actor;
  readonly intervalMs: number;
  /** Told of chores that failed: each is done again at its next time. */
  readonly failed: (error: unknown) => void;
}

/**
 * Does what time or a lost message has made due. Runs in every worker at once: each chore reads what is due without
 * a lock and leaves the decision to a verb that locks and looks again.
 */
export class Sweeper {
  private readonly chores: readonly Chore[];

  constructor(private readonly parts: SweeperParts) {
    const { intervalMs, failed, ledger, courier, money } = parts;
    const chore = (everyMs: number, work: (signal: AbortSignal) => Promise<unknown>): Chore =>
      new Chore(everyMs, work, failed);
    this.chores = [
      chore(intervalMs, () => this.lines()),
      chore(intervalMs, async (signal) => {
        while (await courier.deliver(signal)) signal.throwIfAborted();
      }),
      chore(Math.max(intervalMs, 1000), () => this.redrive()),
      chore(Math.max(intervalMs, 1000), (signal) => money.settle(signal)),
      chore(Math.max(intervalMs, 1000), (signal) => money.refund(signal)),
      chore(LOOK_AT_REFUNDS_EVERY_MS, (signal) => money.lookAtRefunds(signal)),
      chore(1000, (signal) => parts.sealer.seal(signal)),
      chore(ERASE_EVERY_MS, (signal) => parts.data.eraseOver(signal)),
      chore(FORGET_EVERY_MS, (signal) => parts.data.forgetElsewhere(signal)),
      chore(15_000, () => ledger.pruneDepartures(DEPARTURES_KEPT_MS)),
      chore(60_000, async (signal) => {
        while ((await ledger.pruneKeys(KEYS_KEPT_MS, KEYS_AT_ONCE)) > 0) signal.throwIfAborted();
      }),
    ];
  }

  start(): void {
    for (const chore of this.chores) chore.start();
  }

  /** Begins nothing more and waits for what is under way. Idempotent. */
  async stop(): Promise<void> {
    await Promise.all(this.chores.map((chore) => chore.stop()));
  }

  /** Once: holds that are over, grants that are due, sell-outs to decide and to write. */
  async lines(): Promise<void> {
    const { ledger, admission } = this.parts;
    const due = await ledger.dueLines();
    await this.each(due.expire, (offerId) => this.expire(offerId));
    await this.each(due.admit, (offerId) => admission.admit(offerId));
    await this.each(due.sellOut, (offerId) => this.sellOut(offerId));
    await this.each(due.writeSellOut, (offerId) => this.writeSellOut(offerId));
  }

  /** One offer's trouble is no other's: it is told, and looked at again with the next sweep. */
  private async each(offerIds: readonly string[], work: (offerId: string) => Promise<void>): Promise<void> {
    for (const offerId of offerIds) {
      try {
        await work(offerId);
      } catch (error) {
        this.parts.failed(error);
      }
    }
  }

  private async expire(offerId: string): Promise<void> {
    const { ledger, admission, actor, teller, metrics } = this.parts;
    for (let more = true; more;) {
      const moved = await ledger.expire(offerId, actor);
      if (moved === null || moved.bookings.length === 0) return;
      metrics.expired(moved.bookings.length);
      teller.tell({ ...moved, line: { ...moved.line, wantsAdmission: false } });
      await admission.admit(offerId);
      more = moved.bookings.length >= HOLDS_PER_CALL;
    }
  }

  private async sellOut(offerId: string): Promise<void> {
    const { ledger, actor, teller } = this.parts;
    const moved = await ledger.checkSellOut(offerId, actor);
    if (moved !== null) teller.tell(moved);
  }

  private async writeSellOut(offerId: string): Promise<void> {
    const { ledger, actor, metrics, teller } = this.parts;
    for (;;) {
      const { written, done, bookings, line } = await ledger.writeSellOut(offerId, actor);
      if (line !== undefined && bookings.length > 0) teller.tell({ bookings, line });
      else metrics.settled('sold_out', written);
      if (done) return;
    }
  }

  /** Fulfilment that has not advanced in its time is published again. */
  private async redrive(): Promise<void> {
    const { ledger, queue } = this.parts;
    const stalled = await ledger.stalledFulfilments(REDRIVES_AT_ONCE);
    if (stalled.length === 0) return;
    await queue.publish(
      stalled.map((data) => ({ jobId: fulfilJobId(data.bookingId), type: 'booking.fulfil' as const, data })),
    );
  }
}
