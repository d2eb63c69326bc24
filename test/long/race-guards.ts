import type { Tampering } from '../support/ledger.js';

/** A guard that two processes at the same moment come upon, and the race that goes wrong when it is gone. */
export interface RaceGuard {
  readonly name: string;
  readonly without: Tampering;
  /** The name of a race of `test/integration/races`. */
  readonly race: string;
}

/** Finds of one verb, with what is put there. */
const within = (verb: string, ...changes: readonly (readonly [find: string, put: string])[]): Tampering => ({
  routines: changes.map(([find, put]) => ({ verb, find, put })),
});

const LINE = ['where id = p_id) for no key update;', 'where id = p_id);'] as const;
const BOOKING = [
  'select * into b from booking where id = p_id for no key update;',
  'select * into b from booking where id = p_id;',
] as const;
const STOCK = ['perform lock_stock(p_id);', ''] as const;

export const RACE_GUARDS: readonly RaceGuard[] = [
  {
    name: 'The locks of a payment',
    without: within('pay_booking', LINE, BOOKING),
    race: 'two payments for one booking',
  },
  {
    name: 'The locks of whoever leaves',
    without: within('cancel_booking', LINE, STOCK, BOOKING),
    race: 'cancel against payment',
  },
  {
    name: 'The locks of a change of capacity',
    without: within(
      'change_offer',
      ['where offer_id = p_id for no key update;', 'where offer_id = p_id;'],
      ['order by day limit 1 for no key update;', 'order by day limit 1;'],
    ),
    race: 'capacity cut against grant',
  },
  {
    name: 'The lock of the line in a grant',
    without: within('admit_bookings', [
      'where offer_id = p_offer for no key update;\n  if not found',
      'where offer_id = p_offer;\n  if not found',
    ]),
    race: 'capacity cut against grant of stays',
  },
  {
    name: 'The locks of a recorded charge',
    without: within('record_charge', LINE, STOCK, BOOKING, [
      'and fence = p_fence for no key update;',
      'and fence = p_fence;',
    ]),
    race: 'webhook against API answer',
  },
  {
    name: 'The state: nobody leaves while the card is being processed',
    without: within(
      'cancel_booking',
      ["if (b.state = 'paying' or p_fence is not null) and", 'if p_fence is not null and'],
      ["if v_from = 'paying' then", 'if false then'],
    ),
    race: 'cancel against grant of a stay',
  },
  {
    name: 'The state: whoever is paying does not pay again',
    without: within(
      'pay_booking',
      ["if b.state = 'paying' then perform refuse('PAYMENT_IN_PROGRESS'); end if;", ''],
      ["if b.state <> 'held' then perform refuse('ALREADY_SETTLED'); end if;", ''],
    ),
    race: 'two payments for one booking',
  },
  {
    name: 'Fence, attempt and first report together',
    without: within(
      'record_charge',
      ["if a.state = 'started' or (a.state <> 'captured' and p_outcome = 'captured') then", 'if true then'],
      [
        "if b.state = 'paying' and b.fence = p_fence and a.state = 'started' then",
        "if b.state = 'paying' then",
      ],
    ),
    race: 'a late decline of attempt 1 against attempt 2',
  },
  {
    name: 'The state: only what is paid is confirmed',
    without: within('confirm_booking', ["if b.state <> 'paid'\n    or (select", 'if (select']),
    race: 'refund against replayed fulfilment',
  },
];
