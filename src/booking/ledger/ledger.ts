import { Database } from '../../database/database.js';
import type { Actor, Booking } from '../booking.js';
import * as acceptVerb from './accept.js';
import * as stayAcceptance from './accept-stays.js';
import * as stayAdmission from './admit-stays.js';
import * as admitVerb from './admit.js';
import * as auditLog from './audit.js';
import * as auditPages from './audit-pages.js';
import type { AuditAnchor } from './audit-verify.js';
import * as bookingReads from './bookings.js';
import { retrying } from './call.js';
import * as erasure from './erase.js';
import * as giveBack from './give-back.js';
import * as invariantChecks from './invariants.js';
import * as lineReads from './line-view.js';
import * as offerVerbs from './offers.js';
import * as operations from './operations.js';
import * as payVerbs from './pay.js';
import * as refundVerbs from './refund.js';
import * as reservations from './reservations.js';
import * as roomVerbs from './room-offers.js';
import * as releaseVerbs from './release.js';
import * as sellOutVerbs from './sell-out.js';
import * as staySellOut from './sell-out-stays.js';
import * as shared from './shared.js';
import * as stepVerbs from './steps.js';
import * as sweepReads from './sweep.js';
import * as tellings from './tellings.js';
import * as terms from './terms.js';
import * as ticketVerbs from './tickets.js';
import type * as T from './types.js';

/** Every function of the ledger, in an order in which they can be created. */
export const ROUTINES: readonly string[] = [
  shared.sql,
  sellOutVerbs.sql,
  staySellOut.sql,
  admitVerb.sql,
  stayAdmission.sql,
  payVerbs.sql,
  giveBack.sql,
  releaseVerbs.sql,
  stepVerbs.sql,
  terms.sql,
  refundVerbs.sql,
  roomVerbs.sql,
  offerVerbs.sql,
  acceptVerb.sql,
  stayAcceptance.sql,
  lineReads.sql,
  bookingReads.sql,
  ticketVerbs.sql,
  sweepReads.sql,
  tellings.sql,
  reservations.sql,
  auditLog.sql,
  auditPages.sql,
  operations.sql,
  erasure.sql,
];

/**
 * The only authority on order, stock, state and money. Every method is one call of one function in PostgreSQL; what
 * each guarantees stands at the function. Methods named alike in the files beside this one.
 */
export class Ledger {
  constructor(
    private readonly db: Database,
    /** Connections for acceptances alone, so that nothing else makes the crowd at the door wait. */
    private readonly door: Database = db,
  ) {}

  /** One batch into its lines, in the order given. Resolves after the commit; repeats itself after a lost answer. */
  accept(batch: readonly T.AcceptRequest[], maxLength: number): Promise<T.AcceptResult> {
    return retrying((attempt) => acceptVerb.accept(this.door, batch, maxLength, attempt > 1));
  }
  /** The same for stays; a batch is of one kind. */
  acceptStays(batch: readonly T.AcceptRequest[], maxLength: number): Promise<T.AcceptResult> {
    return retrying((attempt) => stayAcceptance.acceptStays(this.door, batch, maxLength, attempt > 1));
  }
  admit(offerId: string, actor: Actor, limit?: number): Promise<T.Admission | null> {
    return admitVerb.admit(this.db, offerId, actor, limit);
  }

  pay(bookingId: string, method: string, key: T.RequestKey | null, actor: Actor): Promise<T.Moved | null> {
    return payVerbs.pay(this.db, bookingId, method, key, actor);
  }
  sendAttempt(bookingId: string, fence: number): Promise<T.Attempt | null> {
    return payVerbs.sendAttempt(this.db, bookingId, fence);
  }
  attempt(bookingId: string, fence: number): Promise<T.Attempt | null> {
    return payVerbs.attemptOf(this.db, bookingId, fence);
  }
  recordCharge(
    bookingId: string,
    fence: number,
    outcome: T.ChargeOutcome,
    actor: Actor,
  ): Promise<(T.Moved & { moved: boolean }) | null> {
    return payVerbs.recordCharge(this.db, bookingId, fence, outcome, actor);
  }
  unsettledAttempts(quietMs: number, limit: number): Promise<T.Attempt[]> {
    return payVerbs.unsettledAttempts(this.db, quietMs, limit);
  }
  refundOf(refundKey: string): Promise<giveBack.LedgerRefund | null> {
    return giveBack.refundOf(this.db, refundKey);
  }
  dueRefunds(limit: number): Promise<giveBack.LedgerRefund[]> {
    return giveBack.dueRefunds(this.db, limit);
  }
  refund(
    bookingId: string,
    reason: string,
    force: boolean,
    key: T.RequestKey | null,
    actor: Actor,
  ): Promise<T.Refunded | null> {
    return refundVerbs.refund(this.db, bookingId, reason, force, key, actor);
  }
  refundByTerms(bookingId: string, actor: Actor): Promise<T.Refunded | null> {
    return refundVerbs.refundByTerms(this.db, bookingId, actor);
  }
  refundSucceeded(refundId: string, actor: Actor): Promise<boolean> {
    return giveBack.refundSucceeded(this.db, refundId, actor);
  }
  reopenRefund(refundKey: string, actor: Actor): Promise<boolean> {
    return giveBack.reopenRefund(this.db, refundKey, actor);
  }
  refundsToLookAt(limit: number): Promise<giveBack.LedgerRefund[]> {
    return giveBack.refundsToLookAt(this.db, limit);
  }

  cancel(bookingId: string, actor: Actor): Promise<T.Moved | null> {
    return releaseVerbs.cancel(this.db, bookingId, actor);
  }
  reject(bookingId: string, fence: number, reason: string, actor: Actor): Promise<T.Moved | null> {
    return releaseVerbs.reject(this.db, bookingId, fence, reason, actor);
  }
  expire(offerId: string, actor: Actor): Promise<T.Moved | null> {
    return releaseVerbs.expire(this.db, offerId, actor);
  }
  checkSellOut(offerId: string, actor: Actor): Promise<T.Moved | null> {
    return sellOutVerbs.checkSellOut(this.db, offerId, actor);
  }
  writeSellOut(offerId: string, actor: Actor): Promise<sellOutVerbs.WrittenSellOut> {
    return sellOutVerbs.writeSellOut(this.db, offerId, actor);
  }

  beginFulfilment(bookingId: string, quietMs: number): Promise<T.Fulfilment | null> {
    return stepVerbs.beginFulfilment(this.db, bookingId, quietMs);
  }
  keepFulfilments(bookingIds: readonly string[], quietMs: number): Promise<number> {
    return stepVerbs.keepFulfilments(this.db, bookingIds, quietMs);
  }
  recordStep(
    bookingId: string,
    step: 'validate' | 'email',
    progress: number,
    detail: Readonly<Record<string, unknown>> | null,
    actor: Actor,
  ): Promise<Booking | null> {
    return stepVerbs.recordStep(this.db, bookingId, step, progress, detail, actor);
  }
  recordDocument(
    bookingId: string,
    tickets: readonly T.Ticket[],
    pdf: Buffer,
    actor: Actor,
  ): Promise<Booking | null> {
    return stepVerbs.recordDocument(this.db, bookingId, tickets, pdf, actor);
  }
  confirm(bookingId: string, actor: Actor): Promise<T.Moved | null> {
    return stepVerbs.confirm(this.db, bookingId, actor);
  }
  stalledFulfilments(limit: number): Promise<stepVerbs.StalledFulfilment[]> {
    return stepVerbs.stalledFulfilments(this.db, limit);
  }
  openDeadLetter(
    letter: { bookingId: string; jobId: string; jobType: string; reason: string; attempts: number },
    actor: Actor,
  ): Promise<T.DeadLetter | null> {
    return stepVerbs.openDeadLetter(this.db, letter, actor);
  }
  resolveDeadLetter(
    id: string,
    state: 'replayed' | 'discarded',
    key: T.RequestKey | null,
    actor: Actor,
  ): Promise<stepVerbs.ResolvedDeadLetter | null> {
    return stepVerbs.resolveDeadLetter(this.db, id, state, key, actor);
  }
  deadLetters(
    state: T.DeadLetter['state'] | null,
    before: string | null,
    limit: number,
  ): Promise<T.DeadLetter[]> {
    return stepVerbs.listDeadLetters(this.db, state, before, limit);
  }

  createOffer(offer: T.NewOffer, key: T.RequestKey | null, actor: Actor): Promise<T.Offer> {
    return offerVerbs.createOffer(this.db, offer, key, actor);
  }
  changeOffer(
    offerId: string,
    change: T.OfferChange,
    actor: Actor,
  ): Promise<{ offer: T.Offer; line: T.LineChange } | null> {
    return offerVerbs.changeOffer(this.db, offerId, change, actor);
  }
  offer(offerId: string): Promise<T.Offer | null> {
    return offerVerbs.offer(this.db, offerId);
  }
  offers(after: string, limit: number): Promise<T.Offer[]> {
    return offerVerbs.offers(this.db, after, limit);
  }
  createRoomOffer(offer: T.NewRoomOffer, key: T.RequestKey | null, actor: Actor): Promise<T.Offer> {
    return roomVerbs.createRoomOffer(this.db, offer, key, actor);
  }
  offerNights(offerId: string, first: string, last: string): Promise<T.Night[] | null> {
    return roomVerbs.offerNights(this.db, offerId, first, last);
  }
  /** Null where nothing was told of it yet. */
  reservedOffer(service: string, bookingId: string): Promise<reservations.ReservedOffer | null> {
    return reservations.reservedOffer(this.db, service, bookingId);
  }
  tellReservation(
    service: string,
    told: reservations.ToldReservation,
    actor: Actor,
  ): Promise<reservations.ReservationKept | null> {
    return reservations.tellReservation(this.db, service, told, actor);
  }
  /** Of one event or hotel. */
  offersOf(kind: T.Offer['kind'], groupId: string): Promise<{ id: string; type: string }[]> {
    return offerVerbs.offersOf(this.db, kind, groupId);
  }

  /** Null where there is no such offer. With `known` the answer is a difference, where that is still possible. */
  readLine(offerId: string, known: lineReads.KnownLine | null): Promise<T.LineRead | null> {
    return lineReads.readLine(this.db, offerId, known);
  }
  /** The busiest lines first. */
  lines(limit = 200): Promise<T.LineState[]> {
    return lineReads.lines(this.db, limit);
  }
  pruneDepartures(ageMs: number): Promise<number> {
    return lineReads.pruneDepartures(this.db, ageMs);
  }

  booking(bookingId: string): Promise<bookingReads.BookingWithTickets | null> {
    return bookingReads.booking(this.db, bookingId);
  }
  bookings(bookingIds: readonly string[]): Promise<bookingReads.BookingWithTickets[]> {
    return bookingReads.bookings(this.db, bookingIds);
  }
  bookingsOf(
    customerId: string,
    before: string | null,
    limit: number,
  ): Promise<bookingReads.BookingWithTickets[]> {
    return bookingReads.bookingsOf(this.db, customerId, before, limit);
  }
  exportBookings(offerId: string | null, after: string | null, limit: number): Promise<Booking[]> {
    return bookingReads.exportBookings(this.db, offerId, after, limit);
  }
  documentOf(bookingId: string): Promise<Buffer | null> {
    return bookingReads.documentOf(this.db, bookingId);
  }
  ticket(ticketId: string): Promise<T.TicketStatus | null> {
    return ticketVerbs.ticket(this.db, ticketId);
  }
  redeem(ticketId: string, key: T.RequestKey | null, actor: Actor): Promise<T.TicketStatus | null> {
    return ticketVerbs.redeem(this.db, ticketId, key, actor);
  }

  dueLines(): Promise<sweepReads.DueLines> {
    return sweepReads.dueLines(this.db);
  }
  dueMails(limit: number): Promise<sweepReads.DueMail[]> {
    return sweepReads.dueMails(this.db, limit);
  }
  mailsDone(mails: readonly sweepReads.DoneMail[]): Promise<number> {
    return sweepReads.mailsDone(this.db, mails);
  }
  pruneKeys(ageMs: number, limit: number): Promise<number> {
    return sweepReads.pruneKeys(this.db, ageMs, limit);
  }

  gatherTellings(service: tellings.ToldService, events?: number): Promise<boolean> {
    return tellings.gatherTellings(this.db, service, events);
  }
  dueTellings(service: tellings.ToldService, limit: number, leaseMs: number): Promise<tellings.Telling[]> {
    return tellings.dueTellings(this.db, service, limit, leaseMs);
  }
  endTellings(
    service: tellings.ToldService,
    ends: readonly tellings.TellingEnd[],
    actor: Actor,
  ): Promise<number> {
    return tellings.endTellings(this.db, service, ends, actor);
  }
  tellingBacklog(): Promise<tellings.TellingBacklog[]> {
    return tellings.tellingBacklog(this.db);
  }
  dueQuestions(aheadMs: number, limit: number): Promise<tellings.DueQuestion[]> {
    return tellings.dueQuestions(this.db, aheadMs, limit);
  }
  recordAnswer(
    question: tellings.DueQuestion,
    detail: Readonly<Record<string, unknown>>,
    actor: Actor,
  ): Promise<boolean> {
    return tellings.recordAnswer(this.db, question, detail, actor);
  }

  eraseCustomer(customerId: string, actor: Actor, limit?: number): Promise<erasure.ErasedPart> {
    return erasure.eraseCustomer(this.db, customerId, actor, limit);
  }
  eraseBookings(bookingIds: readonly string[], actor: Actor): Promise<{ erased: number; more: boolean }> {
    return erasure.eraseBookings(this.db, bookingIds, actor);
  }
  overStays(ageDays: number, limit?: number): Promise<string[]> {
    return erasure.overStays(this.db, ageDays, limit);
  }
  overLine(ageDays: number, limit?: number): Promise<erasure.OverLine | null> {
    return erasure.overLine(this.db, ageDays, limit);
  }
  walkLine(walked: erasure.OverLine): Promise<boolean> {
    return erasure.walkLine(this.db, walked);
  }
  putOffErasure(bookingId: string): Promise<boolean> {
    return erasure.putOffErasure(this.db, bookingId);
  }
  erasuresPutOff(): Promise<number> {
    return erasure.erasuresPutOff(this.db);
  }
  erasedElsewhere(quietMs: number, limit: number): Promise<erasure.ErasedBooking[]> {
    return erasure.erasedElsewhere(this.db, quietMs, limit);
  }
  forgotten(bookingIds: readonly string[]): Promise<number> {
    return erasure.forgotten(this.db, bookingIds);
  }

  seal(): Promise<number> {
    return auditLog.seal(this.db);
  }
  auditPage(filter: auditPages.AuditFilter): Promise<auditPages.AuditPage> {
    return auditPages.auditPage(this.db, filter);
  }
  auditHead(): Promise<auditLog.AuditHead> {
    return auditLog.head(this.db);
  }
  unsealedSeconds(): Promise<number> {
    return auditLog.unsealedSeconds(this.db);
  }
  noteOperation(
    operation: operations.Operation,
    bookingId: string | null,
    actor: Actor,
    detail: operations.OperationDetail,
  ): Promise<void> {
    return operations.noteOperation(this.db, operation, bookingId, actor, detail);
  }

  /**
   * F1 to F7, in one snapshot; `charges` are the provider's own records, page by page, and `anchors` heads of the audit
   * chain that were kept elsewhere.
   */
  invariants(
    charges: AsyncIterable<readonly T.ProviderCharge[]>,
    anchors: readonly AuditAnchor[] = [],
  ): Promise<T.InvariantReport> {
    return invariantChecks.check(this.db, charges, anchors);
  }
}
