import type { Booking } from '../../../src/booking/booking.js';
import type { Ledger } from '../../../src/booking/ledger/ledger.js';
import type { ToldReservation } from '../../../src/booking/ledger/reservations.js';
import type {
  AcceptRequest,
  AcceptResult,
  ChargeOutcome,
  OfferChange,
  ProviderCharge,
} from '../../../src/booking/ledger/types.js';
import { AppError } from '../../../src/common/errors.js';
import { ACTOR, letterOf, newOffer, requestFor, ticketsOf, type TestLedger } from '../../support/ledger.js';
import type { ModelRequest, Nights, Rules } from './model-booking.js';
import type { Command, Outcome } from './program.js';

const HOLD_SECONDS = 3000;
/** `age` of a charge of the attempt before the current one: a fence is raised twice between them. */
const LATE = 5;
/** More than anything takes that moves on at all. */
const ROUNDS = 50;

/** The payment provider's side: one definite record for each key, but for a decline that turns out as a capture. */
class Provider {
  constructor(private readonly charges: Map<string, ProviderCharge>) {}

  ask(key: string, { price }: Pick<Booking, 'price'>, outcome: Outcome): ChargeOutcome {
    const known = this.charges.get(key);
    const turned = known?.state === 'declined' && outcome === 'captured';
    const state = known === undefined || turned ? outcome : known.state;
    this.charges.set(key, { key, state, ...price, refundedMinor: 0 });
    return state === 'declined' ? { kind: state, reason: 'CARD_DECLINED' } : { kind: state };
  }
}

/** What the lines are of. */
export interface Sale {
  /** @returns the offer's id */
  open(world: TestLedger, rules: Rules, holdSeconds: number): Promise<string>;
  named(request: ModelRequest): Partial<AcceptRequest>;
  send(ledger: Ledger, requests: readonly AcceptRequest[], maxLength: number): Promise<AcceptResult>;
  /** The nights of units that another system sells. */
  reserved(nights: Nights): Partial<ToldReservation>;
  resized(command: Extract<Command, { do: 'resize' }>): OfferChange;
}

export const TICKETS: Sale = {
  open: async (world, { capacity, maxQuantity, limit }, holdSeconds) => {
    const sale = { capacity, maxQuantity, limitPerCustomer: limit, holdSeconds };
    return (await newOffer(world, { ...sale, cancellation: { refundable: true } })).id;
  },
  named: () => ({}),
  send: (ledger, requests, maxLength) => ledger.accept(requests, maxLength),
  reserved: () => ({}),
  resized: ({ capacity }) => ({ capacity }),
};

/** Several processes at once on the same lines, each with its own connections, none knowing of the others. */
export class Crowd {
  private readonly provider: Provider;
  private readonly joined: string[] = [];

  private constructor(
    private readonly world: TestLedger,
    private readonly processes: readonly Ledger[],
    private readonly offers: readonly string[],
    private readonly rules: Rules,
    charges: Map<string, ProviderCharge>,
    private readonly sale: Sale,
  ) {
    this.provider = new Provider(charges);
  }

  /** `charges` are the provider's records, kept up by this crowd. */
  static async meet(
    world: TestLedger,
    processes: readonly Ledger[],
    rules: Rules,
    charges: Map<string, ProviderCharge>,
    sale: Sale = TICKETS,
  ): Promise<Crowd> {
    const offers: string[] = [];
    for (let n = 0; n < 2; n++) offers.push(await sale.open(world, rules, HOLD_SECONDS));
    return new Crowd(world, processes, offers, rules, charges, sale);
  }

  /** Each process does its programme, all at once. */
  async run(programmes: readonly (readonly Command[])[]): Promise<void> {
    await Promise.all(
      programmes.map(async (programme, index) => {
        const ledger = this.processes[index % this.processes.length];
        if (ledger === undefined) throw new Error('there is no process');
        for (const [turn, command] of programme.entries())
          await this.allowed(this.one(ledger, command, turn));
      }),
    );
  }

  /** Lets everything come to its end: holds lapse, payments succeed, work is done, until nothing is due. */
  async settle(): Promise<void> {
    const [ledger] = this.processes;
    if (ledger === undefined) throw new Error('there is no process');
    for (const { id } of await ledger.deadLetters('open', null, 1000)) {
      await ledger.resolveDeadLetter(id, 'replayed', null, ACTOR);
    }
    for (const offerId of this.offers) {
      await ledger.changeOffer(offerId, { paused: false }, ACTOR);
      for (let round = 0; round < ROUNDS; round++) {
        await ledger.expire(offerId, ACTOR);
        const granted = await ledger.admit(offerId, ACTOR);
        const left = await this.open(offerId);
        if (granted?.bookings.length === 0 && left.length === 0) break;
        for (const { id } of left) await this.allowed(this.fulfil(ledger, id));
      }
      while (!(await ledger.writeSellOut(offerId, ACTOR)).done);
    }
  }

  private open(offerId: string): Promise<{ id: string }[]> {
    return this.world.sql(
      `select id from booking where offer_id = $1 and state in ('held', 'paying', 'paid')`,
      [offerId],
    );
  }

  /** What is left after `settle`: those who wait although there is something for them, and what is not settled. */
  async unsettled(): Promise<unknown[]> {
    return this.world.sql(
      `select b.offer_id, b.seq, b.state, b.quantity, s.available, b.fence,
         (select jsonb_agg(a) from payment_attempt a where a.booking_id = b.id) as attempts,
         (select jsonb_agg(p.step) from booking_step p where p.booking_id = b.id) as steps
       from booking b cross join lateral (
         select min(available) as available from stock
         where offer_id = b.offer_id and day between b.first_day and b.last_day
       ) s
       where b.offer_id = any ($1) and (b.state in ('held', 'paying', 'paid') or b.state = 'waiting' and b.quantity <= s.available)`,
      [this.offers],
    );
  }

  /** A refusal with a code is an answer; anything else breaks the test. */
  private async allowed(call: Promise<unknown>): Promise<void> {
    try {
      await call;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
    }
  }

  private async one(ledger: Ledger, command: Command, turn: number): Promise<unknown> {
    const offerId = this.offers[turn % this.offers.length] ?? '';
    switch (command.do) {
      case 'accept':
        return this.accept(ledger, command.batch);
      case 'admit':
        return ledger.admit(offerId, ACTOR, command.limit);
      case 'expire':
        return ledger.expire(offerId, ACTOR);
      case 'write':
        return ledger.writeSellOut(offerId, ACTOR);
      case 'check':
        return ledger.checkSellOut(offerId, ACTOR);
      case 'resize':
        return ledger.changeOffer(offerId, this.sale.resized(command), ACTOR);
      case 'tell': {
        // The same bookings of theirs for both offers: whoever is told first has them.
        const { theirs, nights, fence, state, quantity } = command;
        const bookingId = `${this.offers[0]} ${theirs}`;
        const units = { quantity, offerId, ...this.sale.reserved(nights) };
        return ledger.tellReservation('gateway', { bookingId, fence, state, ...units }, ACTOR);
      }
      case 'pause':
        return ledger.changeOffer(offerId, { paused: command.on }, ACTOR);
      case 'prune':
        return ledger.pruneDepartures(0);
      case 'seal':
        return ledger.seal();
      case 'begin':
        return undefined;
      case 'look':
        return ledger.readLine(offerId, null);
      default: {
        // Those at the end are more likely to be where the others are at work.
        const id = this.joined.at(-1 - (command.pick.which % Math.max(1, this.joined.length)));
        return id === undefined ? undefined : this.withOne(ledger, command, id);
      }
    }
  }

  private async accept(ledger: Ledger, batch: readonly ModelRequest[]): Promise<void> {
    const requests = batch.map((request, index) => {
      const { customer, quantity, prepaid, key, nights } = request;
      const offerId = this.offers[(index + customer) % this.offers.length] ?? '';
      return requestFor(offerId, {
        customerId: `${this.offers[0]} ${customer}`,
        quantity,
        paymentMethod: prepaid ? 'pm_ok' : null,
        email: prepaid ? null : 'somebody@example.org',
        idempotencyKey: key === null ? null : `key ${key}`,
        bodyHash: key === null ? '' : `${quantity}-${prepaid}-${nights.join('-')}-${offerId}`,
        ...this.sale.named(request),
      });
    });
    const { outcomes } = await this.sale.send(ledger, requests, this.rules.maxLength);
    for (const outcome of outcomes) {
      if (outcome.accepted && outcome.fresh) this.joined.push(outcome.bookingId);
    }
  }

  private async withOne(
    ledger: Ledger,
    command: Extract<Command, { pick: unknown }>,
    id: string,
  ): Promise<unknown> {
    switch (command.do) {
      case 'pay':
        return ledger.pay(id, 'pm_ok', null, ACTOR);
      case 'charge':
        return this.charge(ledger, id, command.outcome, command.attempt);
      case 'lapse':
        return this.world.sql(
          `update booking set deadline = deadline - interval '1 h' where id = $1 and state in ('held', 'paying')`,
          [id],
        );
      case 'cancel':
        return ledger.cancel(id, ACTOR);
      case 'reject':
        return this.reject(ledger, id);
      case 'mishap':
        await this.charge(ledger, id, 'declined', 0);
        await this.allowed(ledger.pay(id, 'pm_ok', null, ACTOR));
        return this.charge(ledger, id, 'captured', command.kind === 'late capture' ? LATE : 0);
      case 'step':
        return command.step === 'pdf' ? this.document(ledger, id) : undefined;
      case 'confirm':
        return ledger.confirm(id, ACTOR);
      case 'fulfil':
        return this.fulfil(ledger, id);
      case 'letter':
        return ledger.openDeadLetter(letterOf(id), ACTOR);
      case 'refund':
        return command.byTerms
          ? ledger.refundByTerms(id, ACTOR)
          : ledger.refund(id, 'BY_OPERATOR', false, null, ACTOR);
      case 'resolve':
        for (const letter of await ledger.deadLetters('open', null, 3)) {
          await ledger.resolveDeadLetter(letter.id, command.how, null, ACTOR);
        }
        return undefined;
    }
  }

  /** What was once declined may still turn out captured: the money then goes back. */
  private async charge(ledger: Ledger, id: string, outcome: Outcome, age: number): Promise<void> {
    const found = await ledger.booking(id);
    if (found === null) return;
    const fence = found.booking.fence - (age > 3 ? age - 3 : 0);
    if (!(await this.hasAttempt(id, fence))) return;
    // As the worker does it: nothing is sent before the booking is found valid.
    await ledger.recordStep(id, 'validate', 0, null, ACTOR);
    if (fence === found.booking.fence && (await ledger.sendAttempt(id, fence)) === null) return;
    const said = this.provider.ask(`${id}-${fence}`, found.booking, outcome);
    await Promise.all([
      ledger.recordCharge(id, fence, said, ACTOR),
      age === 0 ? ledger.recordCharge(id, fence, said, ACTOR) : undefined,
    ]);
  }

  private async reject(ledger: Ledger, id: string): Promise<void> {
    const found = await ledger.booking(id);
    if (found?.booking.state !== 'paying') return;
    const said = this.provider.ask(`${id}-${found.booking.fence}`, found.booking, 'voided');
    if (said.kind === 'voided') await ledger.reject(id, found.booking.fence, 'PRICE_MISMATCH', ACTOR);
  }

  private async fulfil(ledger: Ledger, id: string): Promise<void> {
    const found = await ledger.booking(id);
    if (found?.booking.state === 'held') await this.allowed(ledger.pay(id, 'pm_ok', null, ACTOR));
    const begun = await ledger.beginFulfilment(id, 1000);
    if (begun === null) return;
    if (begun.booking.state === 'paying') await this.charge(ledger, id, 'captured', 0);
    await this.document(ledger, id);
    await ledger.recordStep(id, 'email', 80, null, ACTOR);
    await ledger.confirm(id, ACTOR);
  }

  private async document(ledger: Ledger, id: string): Promise<void> {
    const quantity = (await ledger.booking(id))?.booking.quantity ?? 0;
    await ledger.recordDocument(id, ticketsOf(id, quantity), Buffer.from('%PDF'), ACTOR);
  }

  private async hasAttempt(id: string, fence: number): Promise<boolean> {
    const rows = await this.world.sql('select from payment_attempt where booking_id = $1 and fence = $2', [
      id,
      fence,
    ]);
    return rows.length > 0;
  }
}
