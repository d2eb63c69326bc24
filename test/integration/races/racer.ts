import { setMaxListeners } from 'node:events';
import { AdmissionHints } from '../../../src/booking/admission-hints.js';
import { fulfilJobId, type Actor, type Booking } from '../../../src/booking/booking.js';
import { BookingService } from '../../../src/booking/booking.service.js';
import { Ledger } from '../../../src/booking/ledger/ledger.js';
import type { ChargeOutcome, Moved } from '../../../src/booking/ledger/types.js';
import { OfferDirectories } from '../../../src/booking/offers/offer-directory.js';
import { OfferService } from '../../../src/booking/offers/offer.service.js';
import { OperatorService } from '../../../src/booking/operator.service.js';
import { Snapshots } from '../../../src/booking/snapshots.js';
import { TimeOrderedIds } from '../../../src/common/ids.js';
import type { Database } from '../../../src/database/database.js';
import { StripeIntents } from '../../../src/database/stripe-intents.js';
import { NoMetrics } from '../../../src/metrics/metrics.js';
import { LineViews } from '../../../src/realtime/line-views.js';
import { BookingTokens } from '../../../src/security/booking-token.js';
import { AdmissionProcessor } from '../../../src/worker/admission.processor.js';
import { BookingPages } from '../../../src/worker/booking-pages.js';
import { ChargeRecorder } from '../../../src/worker/charge-recorder.js';
import { DocumentRenderer } from '../../../src/worker/document/document-renderer.js';
import { FulfilmentProcessor } from '../../../src/worker/fulfilment.processor.js';
import { DataKeeper } from '../../../src/worker/data-keeper.js';
import { MailCourier } from '../../../src/worker/mail-courier.js';
import { Mailer } from '../../../src/worker/mail/mailer.js';
import { MoneyKeeper } from '../../../src/worker/money-keeper.js';
import { MoveTeller } from '../../../src/worker/move-teller.js';
import { chargePages } from '../../../src/worker/payment/charge-pages.js';
import type { PaymentProvider } from '../../../src/worker/payment/payment-provider.js';
import { StripeWebhook } from '../../../src/worker/payment/stripe/stripe-webhook.js';
import { EmailStep } from '../../../src/worker/steps/email.step.js';
import { InventoryStep } from '../../../src/worker/steps/inventory.step.js';
import { PaymentStep } from '../../../src/worker/steps/payment.step.js';
import { PdfStep } from '../../../src/worker/steps/pdf.step.js';
import { ValidateStep } from '../../../src/worker/steps/validate.step.js';
import { Sealer } from '../../../src/worker/sealer.js';
import { Sweeper } from '../../../src/worker/sweeper.js';
import { doorOf } from '../../support/door.js';
import { WEBHOOK_SECRET } from '../../support/stripe-app.js';
import type { Bank } from './bank.js';
import { LostQueue, NobodyToTell } from './lost-queue.js';

const SECRET = Buffer.alloc(32, 7);
const PUBLIC_URL = 'http://localhost:3000';
const forever = { signal: new AbortController().signal, progress: async () => undefined };
setMaxListeners(0, forever.signal);

/** A ledger whose reports of charges a test can hold up, and that says which state they met or led to. */
class HeldLedger extends Ledger {
  hold: (bookingId: string) => Promise<void> = async () => undefined;
  heard: (state: string) => void = () => undefined;

  override async recordCharge(
    bookingId: string,
    fence: number,
    outcome: ChargeOutcome,
    actor: Actor,
  ): Promise<(Moved & { moved: boolean }) | null> {
    await this.hold(bookingId);
    const recorded = await super.recordCharge(bookingId, fence, outcome, actor);
    this.heard(recorded?.bookings[0]?.state ?? 'absent');
    return recorded;
  }
}

/** Prints what nobody reads, unless it is jammed. */
class Printer extends DocumentRenderer {
  jammed = false;
  override async renderTicket(): Promise<Buffer> {
    if (this.jammed) throw new Error('the printer is jammed');
    return Buffer.from('%PDF');
  }
  override renderVoucher(): Promise<Buffer> {
    return this.renderTicket();
  }
}

class NoMailer extends Mailer {
  override forget(): Promise<void> {
    return Promise.resolve();
  }
  override async send(): Promise<void> {}
  override async close(): Promise<void> {}
}

/**
 * What one process of the application has: connections, a provider and objects of its own, put together as its modules
 * do. Only what it prints, mails and tells is nobody's concern here.
 */
export class Racer {
  readonly actor: Actor;
  readonly ledger: HeldLedger;
  readonly provider: PaymentProvider;
  readonly printer = new Printer();
  readonly bookings: BookingService;
  readonly offers: OfferService;
  readonly operators: OperatorService;
  readonly admission: AdmissionProcessor;
  readonly fulfilment: FulfilmentProcessor;
  /** Settles whatever was sent, however lately. */
  readonly money: MoneyKeeper;
  readonly sweeper: Sweeper;
  readonly webhook: StripeWebhook;
  /** What the worker's chores met. */
  readonly failures: unknown[] = [];
  private readonly views: LineViews;

  constructor(name: string, db: Database, bank: Bank) {
    this.actor = { kind: 'system', id: name, correlationId: name };
    const failed = (error: unknown): void => void this.failures.push(error);
    const queue = new LostQueue();
    const notifier = new NobodyToTell();
    const metrics = new NoMetrics();
    const hints = new AdmissionHints(queue, failed);
    const teller = new MoveTeller(notifier, hints, metrics);
    const pages = new BookingPages(PUBLIC_URL, new BookingTokens(SECRET));
    const mailer = new NoMailer();
    const ids = new TimeOrderedIds();
    const { actor } = this;
    const ledger = (this.ledger = new HeldLedger(db));
    const provider = (this.provider = bank.provider(db));
    const recorder = new ChargeRecorder(ledger, queue, teller);
    this.views = new LineViews(ledger, failed);
    this.bookings = new BookingService(
      ...([ledger, doorOf(ledger), new OfferDirectories(ledger)] as const),
      ...([new Snapshots(ledger, this.views, PUBLIC_URL), queue, notifier, hints, ids, failed] as const),
    );
    this.offers = new OfferService(ledger, notifier, hints, 600);
    const books = { pages: () => chargePages(provider) };
    this.operators = new OperatorService(ledger, books, 'bullmq', queue, notifier, hints, failed);
    this.admission = new AdmissionProcessor(ledger, queue, teller, metrics, actor, failed);
    this.fulfilment = new FulfilmentProcessor(
      ...([
        ledger,
        queue,
        notifier,
        metrics,
        { stepDelaysMs: [], retryWithinMs: 1000, settleAfterMs: 30_000 },
      ] as const),
      [
        new ValidateStep(ledger, provider, teller, actor),
        new PaymentStep(ledger, provider, teller, actor),
        new PdfStep(ledger, this.printer, ids, SECRET, actor),
        new EmailStep(ledger, mailer, pages, actor),
        new InventoryStep(ledger, teller, { hasten: () => undefined }, actor),
      ],
      failed,
    );
    this.money = new MoneyKeeper(ledger, provider, recorder, actor, 0, failed);
    this.sweeper = new Sweeper({
      ...{ ledger, queue, admission: this.admission, money: this.money, teller, metrics, actor, failed },
      courier: new MailCourier(ledger, mailer, pages, failed),
      data: new DataKeeper(ledger, mailer, provider, actor, null, failed),
      sealer: new Sealer(ledger, () => undefined),
      intervalMs: 1000,
    });
    this.webhook = new StripeWebhook(ledger, new StripeIntents(db), recorder, WEBHOOK_SECRET, (about) =>
      failed(new Error(`${about.code} ${about.intentId}`)),
    );
  }

  /** Delivers the booking's job here. */
  fulfil({ id, fence }: Pick<Booking, 'id' | 'fence'>): Promise<void> {
    return this.fulfilment.handle(
      {
        ...{ jobId: fulfilJobId(id), type: 'booking.fulfil', attempt: 1 },
        ...{ timestamp: new Date().toISOString(), data: { bookingId: id, fence, correlationId: 'race' } },
      },
      forever,
    );
  }

  settle(): Promise<void> {
    return this.money.settle(forever.signal);
  }

  giveBack(): Promise<void> {
    return this.money.refund(forever.signal);
  }

  /** The database's connections are closed by whoever opened them. */
  async close(): Promise<void> {
    await this.fulfilment.stop();
    await this.sweeper.stop();
    this.views.close();
    await this.provider.close();
  }
}
