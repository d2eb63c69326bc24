import type { BookingState } from '../booking.js';
import { LineReplay } from './line-replay.js';
import type { ReservationState } from './reservations.js';

type Step = readonly [
  action: string,
  seq: number,
  from: BookingState | null,
  to: BookingState,
  quantity: number,
];
/** Of another system's booking `r`. */
type Told = readonly [from: ReservationState, to: ReservationState, quantity: number, afterSeq?: number];

/** Replays a line of so many units and gives what was found. */
function findings(
  capacity: number,
  steps: readonly (Step | Told)[],
  rows: readonly { seq: number; state: BookingState; covered?: boolean }[] = [],
  live: readonly { id: string; state: ReservationState }[] = [],
): { order: string[]; states: string[]; recorded: string[] } {
  const found = { order: new Array<string>(), states: new Array<string>(), recorded: new Array<string>() };
  const replay = new LineReplay('offer', {
    order: (violation) => found.order.push(violation),
    states: (violation) => found.states.push(violation),
    recorded: (violation) => found.recorded.push(violation),
  });
  const none = {
    seq: 0,
    from: null,
    to: null,
    soldOut: null,
    reservation: null,
    nights: null,
    at: 0,
    capacities: [],
    begun: false,
  };
  replay.apply({ ...none, bookingId: null, action: 'offer.create', quantity: capacity });
  for (const step of steps) {
    if (step.length !== 5) {
      const [from, to, quantity, afterSeq = null] = step;
      const reservation = { id: 'r', from, to, nights: null, afterSeq };
      replay.apply({ ...none, bookingId: null, action: `reservation.${to}`, quantity, reservation });
    } else {
      const [action, seq, from, to, quantity] = step;
      replay.apply({ ...none, bookingId: `b${seq}`, action, seq, from, to, quantity });
    }
  }
  replay.compare(rows.map(({ seq, state, covered = false }) => ({ id: `b${seq}`, state, covered })));
  replay.compareReservations(live);
  return found;
}

const joined = (seq: number, quantity = 1): Step => ['accept', seq, null, 'waiting', quantity];
const granted = (seq: number, quantity = 1): Step => ['grant', seq, 'waiting', 'held', quantity];
const NOTHING = { order: [], states: [], recorded: [] };

describe('The replay of a line', () => {
  it('finds nothing where the earliest that fit were granted', () => {
    const steps = [joined(1, 2), joined(2, 3), joined(3, 1), granted(1, 2), granted(3, 1)];
    expect(findings(3, steps)).toEqual(NOTHING);
  });

  it('finds who was overtaken, and by whom', () => {
    const { order } = findings(2, [joined(1), joined(2), granted(2)]);
    expect(order).toEqual(['offer offer: number 2 was granted before 1, which needed 1 of 2']);
  });

  it('does not call it overtaking where the earlier did not fit just before', () => {
    expect(findings(1, [joined(1, 2), joined(2), granted(2)])).toEqual(NOTHING);
  });

  it('finds a grant of units that were not there', () => {
    const { order } = findings(1, [joined(1), joined(2), granted(1), granted(2)]);
    expect(order).toEqual(['offer offer: number 2 was granted 1 units that were not there']);
  });

  it('counts units that came back', () => {
    const back: Step = ['expire', 1, 'held', 'expired', 1];
    expect(findings(1, [joined(1), joined(2), granted(1), back, granted(2)])).toEqual(NOTHING);
  });

  it('does not count a decline with time left, nor who leaves from the line, as units that come back', () => {
    const steps: Step[] = [
      ...[joined(1), joined(2), joined(3), granted(1)],
      ['pay', 1, 'held', 'paying', 1],
      ['payment.declined', 1, 'paying', 'held', 1],
      ['cancel', 2, 'waiting', 'cancelled', 1],
      granted(3),
    ];
    expect(findings(1, steps).order).toHaveLength(1);
  });

  it('counts units that another system takes, as they are and when they come back', () => {
    const taken: Told = ['released', 'reserved', 2];
    const back: Told = ['reserved', 'released', 2];
    // The first does not fit while they are taken, and is overtaken where they are back.
    expect(findings(3, [taken, joined(1, 2), joined(2), granted(2), back])).toEqual(NOTHING);
    expect(findings(3, [taken, joined(1, 2), joined(2), back, granted(2)]).order).toHaveLength(1);
    expect(findings(1, [taken, back]).order).toEqual([
      'offer offer: 2 units were reserved elsewhere that were not there',
    ]);
  });

  it('finds who was overtaken by another system, of those who came before and fitted', () => {
    const taken: Told = ['released', 'reserved', 1, 2];
    const overtaken = 'offer offer: 1 units were reserved elsewhere before number 1, which needed 2 of 2';
    expect(findings(2, [joined(1, 2), joined(2, 3), taken]).order).toEqual([overtaken]);
    expect(findings(3, [joined(1, 2), granted(1, 2), joined(2, 3), taken]).order).toEqual([]);
    // Before it was kept who was looked at, nobody was.
    expect(findings(2, [joined(1, 2), ['released', 'reserved', 1]]).order).toEqual([]);
  });

  it('finds who was overtaken by another system among those who need one of the same nights', () => {
    const order: string[] = [];
    const replay = new LineReplay('hotel', {
      order: (violation) => order.push(violation),
      states: () => undefined,
      recorded: () => undefined,
    });
    const none = { from: null, to: null, soldOut: null, reservation: null, nights: null, begun: false };
    const event = { ...none, bookingId: null, seq: 0, quantity: 0, at: 0, capacities: [] };
    const nights = (first: number, last: number) => ({ first, last, begins: 100 });
    const told = (id: string, first: number, last: number) => ({
      ...event,
      ...{ action: 'reservation.reserved', quantity: 1 },
      reservation: { id, from: 'released', to: 'reserved', nights: { first, last }, afterSeq: 1 } as const,
    });
    replay.apply({ ...event, action: 'offer.create', capacities: [1, 2, 3, 4].map((day) => [day, 2]) });
    replay.apply({
      ...event,
      ...{ bookingId: 'b', action: 'accept', seq: 1, to: 'waiting', quantity: 2, nights: nights(2, 3) },
    });
    replay.apply(told('beside', 4, 4));
    expect(order).toEqual([]);
    replay.apply(told('over', 3, 4));
    expect(order).toEqual([
      'offer hotel: 1 units were reserved elsewhere before number 1, which needed 2 of 2',
    ]);
  });

  it('finds a reservation that the log does not lead to, and a transition from where it was not', () => {
    const taken: Told = ['released', 'reserved', 1];
    expect(findings(1, [taken], [], [{ id: 'r', state: 'reserved' }])).toEqual(NOTHING);
    expect(findings(1, [taken]).recorded).toEqual([
      'reservation r is released, its last recorded transition led to reserved',
    ]);
    expect(findings(1, [], [], [{ id: 'r', state: 'confirmed' }]).recorded).toHaveLength(1);
    expect(findings(2, [taken, ['confirmed', 'released', 1]]).states).toEqual([
      'reservation r went from confirmed to released, but was reserved',
    ]);
  });

  it('finds a gap in the numbers', () => {
    expect(findings(1, [joined(1), joined(3)]).order).toEqual(['offer offer: number 3 was given after 1']);
  });

  it('finds a transition from where the booking was not, and one that left a settled state', () => {
    const { states } = findings(2, [
      joined(1),
      granted(1),
      granted(1),
      ['expire', 1, 'held', 'expired', 1],
      granted(1),
    ]);
    expect(states).toContain('booking b1 left waiting, but was held');
    expect(states).toContain('booking b1 was settled as expired and went on to held');
  });

  it('finds a row that the log does not lead to, and one that moved on after it was sold out', () => {
    const found = findings(
      1,
      [joined(1), granted(1)],
      [
        { seq: 1, state: 'paid' },
        { seq: 2, state: 'waiting' },
      ],
    );
    expect(found.recorded).toEqual([
      'booking b1 is paid, its last recorded transition led to held',
      'booking b2 is waiting, its last recorded transition led to nowhere',
    ]);
    const moved = findings(1, [joined(1), granted(1)], [{ seq: 1, state: 'held', covered: true }]);
    expect(moved.states).toEqual(['booking b1 is held although it was sold out']);
  });
});
