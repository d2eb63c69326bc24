import { expire } from '../../../src/booking/ledger/release.js';
import type { ReservationKept, ToldReservation } from '../../../src/booking/ledger/reservations.js';
import { writeSellOut } from '../../../src/booking/ledger/sell-out.js';
import type {
  AcceptRequest,
  AcceptResult,
  OfferChange,
  SeqRange,
} from '../../../src/booking/ledger/types.js';
import {
  ACTOR,
  newOffer,
  refusalOf,
  requestFor,
  letterOf,
  ticketsOf,
  type TestLedger,
} from '../../support/ledger.js';
import { Line } from './model.js';
import type { ModelBooking, ModelRequest, ModelTelling, Rules } from './model-booking.js';
import { expected, observe } from './observe.js';
import { chosen, type Command } from './program.js';

export interface Answers {
  readonly told: unknown;
  readonly meant: unknown;
}
const NOTHING: Answers = { told: null, meant: null };

/** One line twice: in the ledger and in the model. After each command both must say the same. */
export class Twin {
  private readonly ids = new Map<number, string>();
  private readonly letters = new Map<number, string>();
  private readonly view = { version: 0, lastSeq: 0, waiting: new Set<number>() };

  protected constructor(
    protected readonly world: TestLedger,
    protected readonly offerId: string,
    private readonly rules: Rules,
    protected readonly model: Line,
  ) {}

  static async open(world: TestLedger, rules: Rules): Promise<Twin> {
    const { capacity, maxQuantity, limit } = rules;
    const offer = await newOffer(world, {
      capacity,
      maxQuantity,
      limitPerCustomer: limit,
      holdSeconds: 3000,
      cancellation: { refundable: true },
    });
    return new Twin(world, offer.id, rules, new Line(rules));
  }

  async run(commands: readonly Command[]): Promise<void> {
    for (const [index, command] of commands.entries()) {
      const { told, meant } = await this.both(command);
      const at = `command ${index}: ${JSON.stringify(command)}`;
      expect({ at, answer: told }).toEqual({ at, answer: meant });
      const { found, expected: wanted } = await this.observed();
      expect({ at, ...found }).toEqual({ at, ...wanted });
      this.expectNobodyForgotten();
    }
    await this.look();
    await this.expectEveryTransitionAudited();
  }

  protected async observed(): Promise<{ readonly found: object; readonly expected: object }> {
    return { found: await observe(this.world, this.offerId), expected: expected(this.model) };
  }

  /** Whatever can be granted is due: then the sweeper finds it although every hint was lost. */
  protected expectNobodyForgotten(): void {
    const { grantable, due, begun, waiting, notFinal, deciding } = this.model;
    if (begun) return;
    expect({ grantable: grantable.length > 0, due }).not.toEqual({ grantable: true, due: false });
    expect(deciding || waiting.every(({ quantity }) => quantity <= notFinal)).toBe(true);
  }

  protected async both(command: Command): Promise<Answers> {
    const { ledger, db } = this.world;
    const { model, offerId } = this;
    switch (command.do) {
      case 'accept':
        return this.accept(command.batch);
      case 'admit': {
        const admission = await ledger.admit(offerId, ACTOR, command.limit);
        const meant = model.admit(command.limit).map(({ seq, state }) => ({ seq, state }));
        return { told: admission?.bookings.map(({ seq, state }) => ({ seq, state })), meant };
      }
      case 'expire':
        return { told: (await expire(db, offerId, ACTOR))?.bookings.length, meant: model.expire() };
      case 'begin':
        await this.begin();
        model.begun = true;
        return NOTHING;
      case 'check':
        await ledger.checkSellOut(offerId, ACTOR);
        model.decide();
        return NOTHING;
      case 'write': {
        const { written, done } = await writeSellOut(db, offerId, ACTOR, command.limit);
        return { told: { written, done }, meant: model.write(command.limit) };
      }
      case 'resize': {
        const told = await refusalOf(ledger.changeOffer(offerId, this.resized(command), ACTOR));
        return { told, meant: model.resize(command.capacity, command.nights) };
      }
      case 'tell': {
        const told = ledger.tellReservation('gateway', this.toldOf(command), ACTOR);
        return { told: await answerOf(told), meant: model.reserve(command) };
      }
      case 'pause': {
        const told = await refusalOf(ledger.changeOffer(offerId, { paused: command.on }, ACTOR));
        return { told, meant: model.pause(command.on) };
      }
      case 'look':
        await this.look();
        return NOTHING;
      case 'prune':
        await ledger.pruneDepartures(0);
        return NOTHING;
      case 'seal':
        await ledger.seal();
        return NOTHING;
      default: {
        const booking = chosen(command, model.bookings);
        return booking === undefined ? NOTHING : this.one(command, booking);
      }
    }
  }

  private async accept(batch: readonly ModelRequest[]): Promise<Answers> {
    const requests = batch.map((request) => ({
      ...asRequest(this.offerId, request),
      ...this.named(request),
    }));
    const { outcomes } = await this.sent(requests, this.rules.maxLength);
    const last = this.model.bookings.length;
    const meant = batch.map((request, index) => {
      const answer = this.model.accept(request);
      if (typeof answer === 'string') return answer;
      const fresh = answer.seq > last;
      if (fresh) this.ids.set(answer.seq, requests[index]?.bookingId ?? '');
      return { id: this.ids.get(answer.seq), seq: answer.seq, position: answer.position, fresh };
    });
    const told = outcomes.map((outcome) =>
      outcome.accepted
        ? { id: outcome.bookingId, seq: outcome.seq, position: outcome.position, fresh: outcome.fresh }
        : outcome.code,
    );
    return { told, meant };
  }

  protected sent(requests: readonly AcceptRequest[], maxLength: number): Promise<AcceptResult> {
    return this.world.ledger.accept(requests, maxLength);
  }
  /** What a request says besides. */
  protected named(_request: ModelRequest): Partial<AcceptRequest> {
    return {};
  }
  protected resized({ capacity }: Extract<Command, { do: 'resize' }>): OfferChange {
    return { capacity };
  }
  private toldOf(told: ModelTelling): ToldReservation {
    const { theirs, fence, state, quantity } = told;
    const { offerId } = this;
    return { bookingId: `${offerId} ${theirs}`, fence, state, quantity, offerId, ...this.nightsOf(told) };
  }
  protected nightsOf(_told: ModelTelling): Partial<ToldReservation> {
    return {};
  }
  protected async begin(): Promise<void> {
    await this.world.sql(`update offer set starts_at = now() - interval '1 s' where id = $1`, [this.offerId]);
  }

  private async one(command: Extract<Command, { pick: unknown }>, booking: ModelBooking): Promise<Answers> {
    const { ledger } = this.world;
    const { model } = this;
    const id = this.ids.get(booking.seq) ?? '';
    switch (command.do) {
      case 'pay':
        return { told: await refusalOf(ledger.pay(id, 'pm_ok', null, ACTOR)), meant: model.pay(booking) };
      case 'charge': {
        const fences = [...booking.attempts.keys()].reverse();
        const fence = fences[command.attempt] ?? fences[0] ?? booking.fence;
        const { outcome } = command;
        const charge =
          outcome === 'declined' ? { kind: outcome, reason: 'CARD_DECLINED' } : { kind: outcome };
        const recorded = await ledger.recordCharge(id, fence, charge, ACTOR);
        return { told: recorded?.moved ?? null, meant: model.charge(booking, fence, outcome) };
      }
      case 'lapse':
        await this.world.sql(`update booking set deadline = deadline - interval '1 h' where id = $1`, [id]);
        if (booking.time === 'ahead') booking.time = 'over';
        return NOTHING;
      case 'cancel':
        return { told: await refusalOf(ledger.cancel(id, ACTOR)), meant: model.cancel(booking, null) };
      case 'reject': {
        const fence = booking.fence - (command.stale ? 1 : 0);
        const told = await refusalOf(ledger.reject(id, fence, 'PRICE_MISMATCH', ACTOR));
        return { told, meant: model.cancel(booking, fence) };
      }
      case 'step': {
        const told =
          command.step === 'pdf'
            ? await ledger.recordDocument(id, ticketsOf(id, booking.quantity), Buffer.from('%PDF'), ACTOR)
            : await ledger.recordStep(id, command.step, 80, null, ACTOR);
        return { told: told !== null, meant: model.step(booking, command.step) };
      }
      case 'confirm':
        return { told: (await ledger.confirm(id, ACTOR)) !== null, meant: model.confirm(booking) };
      case 'fulfil':
      case 'mishap': {
        const answers: Answers[] = [];
        for (const part of 'kind' in command ? MISHAPS[command.kind] : FULFIL) {
          answers.push(await this.one({ ...part, pick: command.pick }, booking));
        }
        return { told: answers.map(({ told }) => told), meant: answers.map(({ meant }) => meant) };
      }
      case 'letter': {
        const opened = await ledger.openDeadLetter(letterOf(id), ACTOR);
        if (opened !== null) this.letters.set(booking.seq, opened.id);
        return { told: opened !== null, meant: model.openLetter(booking) };
      }
      case 'refund': {
        const refunded = command.byTerms
          ? ledger.refundByTerms(id, ACTOR)
          : ledger.refund(id, 'BY_OPERATOR', false, null, ACTOR);
        return { told: await refusalOf(refunded), meant: model.refund(booking, command.byTerms) };
      }
      case 'resolve': {
        const letter = this.letters.get(booking.seq);
        if (letter === undefined) return NOTHING;
        const told = await refusalOf(ledger.resolveDeadLetter(letter, command.how, null, ACTOR));
        return { told, meant: model.resolve(booking, command.how) };
      }
    }
  }

  /** Follows the line by differences, as the board does, to what a whole read says and to the model. */
  protected async look(): Promise<void> {
    const { ledger } = this.world;
    const whole = await ledger.readLine(this.offerId, null);
    const read = await ledger.readLine(this.offerId, this.view.version === 0 ? null : this.view);
    if (whole === null || whole.waiting === null || read === null) throw new Error('the line cannot be read');
    if (read.waiting !== null) this.view.waiting = new Set(read.waiting.flatMap(numbers));
    else {
      for (let seq = this.view.lastSeq + 1; seq <= read.state.lastSeq; seq++) this.view.waiting.add(seq);
      for (const seq of read.departed.flatMap(numbers)) this.view.waiting.delete(seq);
    }
    this.view.version = read.state.version;
    this.view.lastSeq = read.state.lastSeq;
    const waiting = this.model.waiting.map(({ seq }) => seq);
    expect(whole.waiting.flatMap(numbers)).toEqual(waiting);
    expect([...this.view.waiting].sort((a, b) => a - b)).toEqual(waiting);
  }

  /** The log of each booking names the states that it came to, in their order. */
  private async expectEveryTransitionAudited(): Promise<void> {
    const { deciding, bookings } = this.model;
    do await this.both({ do: 'write', limit: 500 });
    while (this.model.deciding);
    const rows = await this.world.sql<{ seq: string; states: string[] }>(
      `select b.seq, array_agg(e.to_state::text order by e.version, e.ordinal) as states
       from booking b join audit_event e on e.booking_id = b.id and e.to_state is not null
       where b.offer_id = $1 group by b.seq order by b.seq`,
      [this.offerId],
    );
    expect({ deciding, log: rows.map(({ states }) => states) }).toEqual({
      deciding,
      log: bookings.map(({ history }) => history),
    });
  }
}

function asRequest(
  offerId: string,
  { customer, quantity, prepaid, key, nights }: ModelRequest,
): AcceptRequest {
  return requestFor(offerId, {
    customerId: `${offerId} ${customer}`,
    quantity,
    paymentMethod: prepaid ? 'pm_ok' : null,
    idempotencyKey: key === null ? null : `key ${key}`,
    bodyHash: key === null ? '' : `${quantity}-${prepaid}-${nights.join('-')}`,
  });
}

/** The state that it is in then, or the code with which it was refused. */
async function answerOf(call: Promise<ReservationKept | null>): Promise<string | undefined> {
  const refused = await refusalOf(call);
  return refused === 'DONE' ? (await call)?.reservation.state : refused;
}

const FULFIL = [
  { do: 'pay' },
  { do: 'step', step: 'validate' },
  { do: 'charge', attempt: 0, outcome: 'captured' },
  { do: 'step', step: 'pdf' },
  { do: 'step', step: 'email' },
  { do: 'confirm' },
] as const;

const MISHAPS = {
  'late capture': [
    { do: 'pay' },
    { do: 'charge', attempt: 0, outcome: 'declined' },
    { do: 'pay' },
    { do: 'charge', attempt: 1, outcome: 'captured' },
  ],
  'late decline': [{ do: 'pay' }, { do: 'lapse' }, { do: 'charge', attempt: 0, outcome: 'declined' }],
} as const;

const numbers = ([low, high]: SeqRange): number[] =>
  Array.from({ length: high - low + 1 }, (_, index) => low + index);
