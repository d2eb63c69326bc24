import type { ToldReservation } from '../../../src/booking/ledger/reservations.js';
import { writeSellOut } from '../../../src/booking/ledger/sell-out.js';
import type { AcceptRequest, AcceptResult, OfferChange } from '../../../src/booking/ledger/types.js';
import { ACTOR, type TestLedger } from '../../support/ledger.js';
import type { ModelRequest, ModelTelling, Rules } from './model-booking.js';
import { StayLine } from './model-stays.js';
import { NoonHotel } from './noon-hotel.js';
import { expected, observe } from './observe.js';
import type { Command } from './program.js';
import { Twin, type Answers } from './twin.js';

const STOCK = `
  select day::text as date, capacity, available, held, paid, sold, arriving, leaving
  from stock where offer_id = $1 order by day`;

/** The line of a room offer twice: in the ledger and in the model. */
export class StayTwin extends Twin {
  private constructor(
    world: TestLedger,
    offerId: string,
    rules: Rules,
    protected override readonly model: StayLine,
    private readonly hotel: NoonHotel,
  ) {
    super(world, offerId, rules, model);
  }

  static override async open(world: TestLedger, rules: Rules): Promise<StayTwin> {
    const hotel = new NoonHotel();
    const offerId = await hotel.open(world, rules, 3000);
    return new StayTwin(world, offerId, rules, new StayLine(rules), hotel);
  }

  protected override async both(command: Command): Promise<Answers> {
    if (command.do !== 'write') return super.both(command);
    const { written, done, bookings } = await writeSellOut(this.world.db, this.offerId, ACTOR, command.limit);
    const seqs = bookings.map(({ seq }) => seq);
    const meant = this.model.tell(seqs, command.limit);
    return { told: { chosen: written === seqs.length, done }, meant };
  }

  protected override async observed(): Promise<{ readonly found: object; readonly expected: object }> {
    const { model } = this;
    const { line, bookings } = expected(model);
    const stock = [...model.capacities.keys()]
      .sort((a, b) => a - b)
      .map((night) => ({
        date: this.hotel.date(night),
        capacity: model.capacities.get(night),
        available: model.availableOn(night),
        held: model.unitsOn(night, 'held', 'paying', 'paid') + model.theirsOn(night, 'reserved'),
        paid: model.unitsOn(night, 'paid'),
        sold: model.unitsOn(night, 'confirmed') + model.theirsOn(night, 'confirmed'),
        arriving: model.waiting.filter(({ nights }) => nights[0] === night).length,
        leaving: model.waiting.filter(({ nights }) => nights[1] === night).length,
      }));
    const told = await observe(this.world, this.offerId);
    const found = {
      line: told.line,
      bookings: told.bookings,
      stock: await this.world.sql(STOCK, [this.offerId]),
    };
    return { found, expected: { line, bookings, stock } };
  }

  protected override expectNobodyForgotten(): void {
    const { grantable, due, lost, deciding } = this.model;
    expect({ grantable: grantable.length > 0, due }).not.toEqual({ grantable: true, due: false });
    // Whoever would have begun is found by the time.
    expect(deciding || lost.every((booking) => this.model.hasBegun(booking))).toBe(true);
  }

  protected override sent(requests: readonly AcceptRequest[], maxLength: number): Promise<AcceptResult> {
    return this.world.ledger.acceptStays(requests, maxLength);
  }
  protected override named({ nights }: ModelRequest): Partial<AcceptRequest> {
    return { stay: this.hotel.stay(nights) };
  }
  protected override resized({ capacity, nights }: Extract<Command, { do: 'resize' }>): OfferChange {
    return this.hotel.nights(nights, capacity);
  }
  protected override nightsOf({ nights }: ModelTelling): Partial<ToldReservation> {
    return this.hotel.stay(nights);
  }
  protected override begin(): Promise<void> {
    return this.hotel.begin(this.world, this.offerId);
  }
}
