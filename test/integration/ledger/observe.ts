import type { Line } from './model.js';
import { units } from './model-booking.js';
import type { TestLedger } from '../../support/ledger.js';

/** What both the ledger and the model can say of a line after each command. */
export interface Observed {
  readonly stock: Readonly<Record<'capacity' | 'available' | 'held' | 'paid' | 'sold', number>>;
  readonly line: {
    readonly lastSeq: number;
    readonly waiting: number;
    readonly front: number;
    readonly due: boolean;
    readonly unwritten: number;
    readonly deciding: boolean;
  };
  readonly bookings: readonly {
    readonly seq: number;
    readonly quantity: number;
    readonly state: string;
    readonly fence: number;
    readonly timed: boolean;
    readonly attempts: Readonly<Record<string, string>>;
    readonly refunds: number;
    readonly steps: number;
  }[];
}

const OBSERVE = `
  select jsonb_build_object('capacity', s.capacity, 'available', s.available, 'held', s.held, 'paid', s.paid, 'sold', s.sold) as stock,
    jsonb_build_object('lastSeq', l.last_seq, 'waiting', l.waiting, 'front', l.front, 'due', l.wanted <> l.admitted,
      'deciding', not l.sold_out_done,
      'unwritten', (select count(*) from booking b where b.offer_id = l.offer_id and is_covered(b, l))) as line,
    (select coalesce(jsonb_agg(jsonb_build_object('seq', b.seq, 'quantity', b.quantity,
        'state', booking_json(b, l)->>'state', 'fence', b.fence, 'timed', b.deadline is not null,
        'attempts', (select coalesce(jsonb_object_agg(a.fence, a.state), '{}') from payment_attempt a where a.booking_id = b.id),
        'refunds', (select count(*) from refund r where r.booking_id = b.id),
        'steps', (select count(*) from booking_step p where p.booking_id = b.id)) order by b.seq), '[]')
      from booking b where b.offer_id = l.offer_id) as bookings
  from booking_line l join stock s using (offer_id) where offer_id = $1`;

export async function observe({ sql }: Pick<TestLedger, 'sql'>, offerId: string): Promise<Observed> {
  const [row] = await sql<Observed & Record<string, unknown>>(OBSERVE, [offerId]);
  if (row === undefined) throw new Error('the offer has gone');
  return { stock: row.stock, line: row.line, bookings: row.bookings };
}

export function expected(line: Line): Observed {
  const { capacity, available, waiting, bookings } = line;
  return {
    stock: {
      capacity,
      available,
      held: units([...line.in('held', 'paying', 'paid'), ...line.theirs('reserved')]),
      paid: units(line.in('paid')),
      sold: units([...line.in('confirmed'), ...line.theirs('confirmed')]),
    },
    line: {
      lastSeq: bookings.length,
      waiting: waiting.length,
      front: waiting[0]?.seq ?? bookings.length + 1,
      due: line.due,
      unwritten: line.unwritten,
      deciding: line.deciding,
    },
    bookings: bookings.map(({ seq, quantity, state, fence, time, attempts, refunds, steps }) => ({
      ...{ seq, quantity, state, fence, timed: time !== 'none' },
      ...{ attempts: Object.fromEntries(attempts), refunds: refunds.size, steps: steps.size },
    })),
  };
}
