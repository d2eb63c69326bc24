import type { Tampering } from '../support/ledger.js';

/** What stands between the ledger and one kind of wrong, and who notices when it is gone. */
export interface Guard {
  readonly name: string;
  readonly without: Tampering;
  /** Sentences of `test/integration/ledger/checks`: each fails without the guard. */
  readonly noticedBy: readonly string[];
  /** Whether random programmes notice too, one after the other (`model`, `stays`) or all at once. */
  readonly programmes?: readonly ('model' | 'crowd' | 'stays' | 'crowd of stays')[];
}

const put = (find: string, replacement: string): Tampering => ({ routines: [{ find, put: replacement }] });
const within = (verb: string, find: string, replacement: string): Tampering => ({
  routines: [{ verb, find, put: replacement }],
});
const drop = (constraint: string, table: string): string =>
  `alter table ${table} drop constraint ${constraint}`;

export const GUARDS: readonly Guard[] = [
  {
    name: 'The fence: a charge moves only the booking of its own attempt',
    without: put('b.fence = p_fence and a.state', 'a.state'),
    noticedBy: ['an attempt under another fence than the booking moves nothing, whatever its own row says'],
  },
  {
    name: 'The attempt: one that is definite moves nothing',
    without: put("and b.fence = p_fence and a.state = 'started' then", 'and b.fence = p_fence then'),
    noticedBy: ['an attempt that is definite moves nothing, whatever the booking says'],
  },
  {
    name: 'Fence and attempt together',
    without: put("and b.fence = p_fence and a.state = 'started' then", 'then'),
    noticedBy: ['money taken under a stale fence goes back and moves nothing'],
    programmes: ['model'],
  },
  {
    name: 'The state: a charge moves only a booking that is paying',
    without: put("if b.state = 'paying' and b.fence = p_fence", 'if b.fence = p_fence'),
    noticedBy: ['an attempt moves only a booking that is paying, whatever the rest says'],
  },
  {
    name: 'The attempt: one that a worker is waiting for is not settled',
    without: put("a.fence = kept.fence and a.state = 'started' and a.sent_at is not null", 'false'),
    noticedBy: ['a charge that a worker is still waiting for is not settled, however long it takes'],
  },
  {
    name: 'The state: only a hold is paid for',
    without: put("if b.state <> 'held' then perform refuse('ALREADY_SETTLED'); end if;", ''),
    noticedBy: ['only a hold is paid for'],
    programmes: ['model'],
  },
  {
    name: 'The state: nobody leaves who has paid or left',
    without: put(
      "if b.state not in ('waiting', 'held', 'paying') then perform refuse('ALREADY_SETTLED'); end if;",
      '',
    ),
    noticedBy: ['lets nobody leave who is paying, has paid, or left before'],
    programmes: ['model', 'crowd'],
  },
  {
    name: 'The state: only what is paid is confirmed, with all its steps',
    without: put("if b.state <> 'paid'\n    or (select", 'if (select'),
    noticedBy: [
      'only what is paid and done is confirmed, and a refund gives money, units and tickets back once',
    ],
    programmes: ['model'],
  },
  {
    name: 'The state: a grant takes only those who wait',
    without: put(
      "where w.offer_id = p_offer and w.state = 'waiting' and",
      "where w.offer_id = p_offer and w.state in ('waiting', 'held') and",
    ),
    noticedBy: ['grants the earliest that fit, and whoever does not fit keeps its place and blocks nobody'],
  },
  {
    name: 'The beginning: nobody pays for an event that has begun',
    without: put(
      "and coalesce(b.check_in, starts_at) <= v_now) and b.state = 'held' then",
      'and false) then',
    ),
    noticedBy: ['nobody pays for an event that has begun'],
    programmes: ['model'],
  },
  {
    name: 'The deadline: nobody pays after it',
    without: put(" or (b.state = 'held' and b.deadline <= v_now)", ''),
    noticedBy: ['nobody pays after the time is over, swept or not'],
    programmes: ['model'],
  },
  {
    name: 'The deadline: no hold ends before it',
    without: put("and state = 'held' and deadline <= v_now\n", "and state = 'held'\n"),
    noticedBy: ['gives a hold that ran out to the next, and leaves one that did not alone'],
    programmes: ['model'],
  },
  {
    name: 'The deadline: a decline after it does not hold on',
    without: put('when b.deadline is null or b.deadline > v_now then', 'when true then'),
    noticedBy: ['a decline after the time is over gives the units away'],
    programmes: ['model'],
  },
  {
    name: 'The order: the lowest numbers first',
    without: put('      ) b\n      order by b.seq\n', '      ) b\n      order by b.seq desc\n'),
    noticedBy: ['grants the earliest that fit, and whoever does not fit keeps its place and blocks nobody'],
    programmes: ['model', 'crowd'],
  },
  {
    name: 'Not covered: a grant passes over those who were told that it is sold out',
    without: within(
      'admit_bookings',
      `and w.seq >= case when q.quantity >= l.sold_out_min_quantity
                            then greatest(l.front, l.sold_out_through + 1) else l.front end
        order by w.seq`,
      'order by w.seq',
    ),
    noticedBy: ['is not undone by capacity that comes before its rows are written'],
    programmes: ['model'],
  },
  {
    name: 'Not covered: nobody leaves who was told that it is sold out',
    without: put("if is_covered(b, l) then perform refuse('ALREADY_SETTLED'); end if;", ''),
    noticedBy: [
      'is decided for all who need more than what is not sold for good, and from then on everybody sees it',
    ],
    programmes: ['model'],
  },
  {
    name: 'One decision at a time: a sell-out waits for the rows of the last',
    without: put('if not l.sold_out_done then return false; end if;', ''),
    noticedBy: [
      'is written in chunks, each row with its audit, and a later decision waits for the rows of the last',
    ],
    programmes: ['model'],
  },
  {
    name: 'The terms: a customer is refunded as it was agreed on acceptance, and no longer',
    without: put(
      "if not (v_terms->>'refundable')::boolean or (v_terms->>'refundableUntil')::timestamptz <= v_now then",
      'if false then',
    ),
    noticedBy: ['a customer is refunded by the terms of the acceptance, whatever the offer says later'],
    programmes: ['model'],
  },
  {
    name: 'The terms: those of the acceptance, not those of the day',
    without: put(
      'where t.offer_id = b.offer_id and t.since_version < b.accepted_version',
      'where t.offer_id = b.offer_id',
    ),
    noticedBy: ['a customer is refunded by the terms of the acceptance, whatever the offer says later'],
  },
  {
    name: 'The ticket: what has let somebody in is not refunded unseen',
    without: put('if v_used is not null and not p_force then', 'if false then'),
    noticedBy: ['a used ticket is refunded by an operator alone who says so'],
  },
  {
    name: 'The lock of the tickets: a refund waits for a scan',
    without: put('perform 1 from ticket where booking_id = p_id order by number for no key update;', ''),
    noticedBy: ['a refund and a scan wait for one another, and the second sees what the first did'],
  },
  {
    name: 'The state: only a refund that had succeeded is given again',
    without: within('reopen_refund', "and state = 'succeeded' returning", 'returning'),
    noticedBy: [
      'a refund that the bank sends back is due again, at once the first time and later each time after',
    ],
  },
  {
    name: 'The pause of a refund that is sent back again and again',
    without: within('reopen_refund', 'case when reopened = 0 then 0 else', 'case when true then 0 else'),
    noticedBy: [
      'a refund that the bank sends back is due again, at once the first time and later each time after',
    ],
  },
  {
    name: 'The daily look at a refund: whoever looks puts it off',
    without: within(
      'refunds_to_look_at',
      "case when finished_at > clock_timestamp() - interval '29 days' then clock_timestamp() + interval '1 day' end",
      'look_at',
    ),
    noticedBy: ['a refund that succeeded is looked at once a day for a month, by one worker at a time'],
  },
  {
    name: 'The daily look at a refund: for a month',
    without: within(
      'refunds_to_look_at',
      "case when finished_at > clock_timestamp() - interval '29 days' then",
      'case when true then',
    ),
    noticedBy: ['a refund that succeeded is looked at once a day for a month, by one worker at a time'],
  },
  {
    name: 'The lock of the line in a grant',
    without: within(
      'admit_bookings',
      'select * into l from booking_line where offer_id = p_offer for no key update',
      'select * into l from booking_line where offer_id = p_offer',
    ),
    noticedBy: [
      'every verb that moves units or places waits for the line first, and holds nothing else meanwhile',
      'a grant reads what was committed while it waited for the line',
    ],
    programmes: ['crowd'],
  },
  {
    name: 'The lock of the line in an acceptance',
    without: within(
      'accept_bookings',
      'where offer_id = any (p_offers) order by offer_id for no key update',
      'where offer_id = any (p_offers)',
    ),
    noticedBy: ['an acceptance comes after whatever it waited for at the line'],
    programmes: ['crowd'],
  },
  {
    name: 'The lock as a statement of its own',
    without: {
      routines: [
        {
          find: 'perform 1 from booking_line where offer_id = any (p_offers) order by offer_id for no key update;',
          put: '',
        },
        {
          find: 'join stock s on s.offer_id = l.offer_id\n  ),',
          put: 'join stock s on s.offer_id = l.offer_id\n    for no key update of l\n  ),',
        },
      ],
    },
    noticedBy: ['the limit counts what another process has not committed yet: it is waited for'],
  },
  {
    name: 'The lock order: a line before its bookings',
    without: within(
      'cancel_booking',
      'select booking_line.* into l',
      'perform 1 from booking where id = p_id for no key update;\n  select booking_line.* into l',
    ),
    noticedBy: [
      'every verb that moves units or places waits for the line first, and holds nothing else meanwhile',
    ],
  },
  {
    name: 'The lock order: lines by their ids',
    without: put('order by offer_id for no key update', 'order by offer_id desc for no key update'),
    noticedBy: ['a batch takes its lines in the order of their ids, whatever the order of its requests'],
  },
  {
    name: 'The lock order: a booking before its dead letter',
    without: put('perform 1 from booking where id = b.id for no key update;', ''),
    noticedBy: ['whoever opens or decides a dead letter takes the booking first, and no letter meanwhile'],
  },
  {
    name: 'The key: a repetition finds the booking that is there',
    without: put('r.refusal is null and r.known_hash is null and', 'r.refusal is null and'),
    noticedBy: [
      '100 identical requests at once make one booking and 100 equal answers',
      'a stored acceptance is answered as it was, whatever became of it and of the sale',
    ],
    programmes: ['model'],
  },
  {
    name: 'The key: unique, so that one claim wins',
    without: { tables: [drop('idempotency_key_pkey', 'idempotency_key')] },
    noticedBy: ['one key on two offers in two processes is claimed by one: the other waits and is refused'],
  },
  {
    name: 'The key: another body is refused',
    without: put("if k.body_hash <> p_key->>'bodyHash' then", 'if false then'),
    noticedBy: [
      'a payment sent twice with its key is one payment with one answer, and another body is refused',
    ],
  },
  {
    name: 'The drive of what is on its way: also while its offer is paused',
    without: within(
      'stalled_fulfilments',
      'b.redrive_at <= statement_timestamp()',
      'b.redrive_at <= statement_timestamp() and not (select paused from offer where id = b.offer_id)',
    ),
    noticedBy: ['a booking on its way is driven on while its offer is paused'],
  },
  {
    name: 'The flag of a batch that is sent again',
    without: put('own.id = case when p_resend then p_ids[r.number] end', 'false'),
    noticedBy: [
      'a batch whose answer was lost after its commit is sent again and gets the numbers that it has',
    ],
  },
  {
    name: 'The limit of a customer',
    without: put('coalesce(sum(live.quantity), 0)', '0'),
    noticedBy: [
      'a customer never has more than the limit, in one batch or many, from one process or several',
    ],
    programmes: ['model', 'crowd'],
  },
  {
    name: 'The bound of a line',
    without: put('where n.place <= p_max_length - f.waiting', ''),
    noticedBy: ['a line is full at its very bound, and a refusal takes no place'],
    programmes: ['model'],
  },
  {
    name: 'The count of units in the tables (CHECK)',
    without: { tables: [drop('stock_check1', 'stock')] },
    noticedBy: ['the tables themselves refuse what would break the count of units'],
  },
  {
    name: 'The place of a booking in the tables (UNIQUE)',
    without: {
      tables: ['drop index booking_place', 'create index booking_place on booking (offer_id, seq)'],
    },
    noticedBy: ['the tables themselves refuse what would break the count of units'],
  },
  {
    name: 'The bound of a seal: nothing of a transaction that may still commit',
    without: put('v_bound := pg_snapshot_xmin(', 'v_bound := pg_snapshot_xmax('),
    noticedBy: ['skips no commit that comes late, however early its transaction began'],
  },
  {
    name: 'The epoch of the chain: a server to which a dump was restored begins its own',
    without: put('v_restored := audit_restored();', 'v_restored := null;'),
    noticedBy: [
      'goes on after a dump was restored on a server that has counted fewer transactions, and verifies across',
      'goes on after a dump in which everything was sealed, and keeps a transaction open across the change',
    ],
  },
  {
    name: 'The bound of an epoch: nothing of it is left behind',
    without: put('select least(v_bound, min(xid + 0)) into v_bound', 'select v_bound into v_bound'),
    noticedBy: [
      'goes on after a dump was restored on a server that has counted fewer transactions, and verifies across',
    ],
  },
  {
    name: 'The nights of a stay: each of them is looked at',
    without: within(
      'admit_stays',
      'for n in c.first .. c.last loop\n        v_left',
      'for n in c.first .. c.first loop\n        v_left',
    ),
    noticedBy: ['grants a stay only where each of its nights has a unit'],
    programmes: ['stays'],
  },
  {
    name: 'The order of stays: the lowest numbers first, of all kinds together',
    without: within('admit_stays', '      order by 1\n', '      order by 1 desc\n'),
    noticedBy: [
      'gives nights that came back to the earliest who fit, whatever their kinds, and those who came since after them',
    ],
    programmes: ['stays', 'crowd of stays'],
  },
  {
    name: 'The order of stays: of each kind the lowest numbers',
    without: within('admit_stays', 'order by w.seq limit least', 'order by w.seq desc limit least'),
    noticedBy: ['gives a night to the earliest of those who want the same'],
    programmes: ['stays'],
  },
  {
    name: 'The mark of a night that came back: by whoever leaves',
    without: within('give_back', ', released = true', ''),
    noticedBy: ['gives a night that came back to whoever has waited for it, however it came back'],
    programmes: ['stays', 'crowd of stays'],
  },
  {
    name: 'The mark of a night that came back: by a hold that ran out',
    without: within('expire_holds', ', released = true', ''),
    noticedBy: ['gives a night that came back to whoever has waited for it, however it came back'],
  },
  {
    name: 'The mark of a night that came back: by a refund',
    without: within('refund_booking', 'released = true,', ''),
    noticedBy: ['gives a night that came back to whoever has waited for it, however it came back'],
  },
  {
    name: 'The mark of a night that came back: by a change of its capacity',
    without: within('set_nights', 'released = s.released or excluded.capacity > s.capacity,', ''),
    noticedBy: ['gives a night that came back to whoever has waited for it, however it came back'],
    programmes: ['stays'],
  },
  {
    name: 'The mark of a night that came back stays until everybody was looked at',
    without: within('admit_stays', 'released = s.released and v_more', 'released = false'),
    noticedBy: ['forgets nobody who waited for nights that came back where a call reaches its limit'],
  },
  {
    name: 'Who was looked at: no further than the last that was granted where a call reaches its limit',
    without: within(
      'admit_stays',
      'case when v_more then greatest(l.admit_from, v_seqs[p_limit] + 1) else l.last_seq + 1 end',
      'l.last_seq + 1',
    ),
    noticedBy: ['forgets nobody where a call reaches its limit'],
    programmes: ['stays'],
  },
  {
    name: 'Who was looked at: not those who came and fit',
    without: within(
      'accept_stays',
      'coalesce(e.first_fit, l.last_seq + e.many + 1)',
      'l.last_seq + e.many + 1',
    ),
    noticedBy: ['finds those who came since the last look although others wait before them'],
    programmes: ['stays', 'crowd of stays'],
  },
  {
    name: 'The kinds of stays: those that begin before the night that came back',
    without: within('stay_kinds', 'greatest(v_previous + 1, v_released - p_longest + 1)', 'v_released'),
    noticedBy: ['grants a stay only where each of its nights has a unit'],
    programmes: ['stays'],
  },
  {
    name: 'The counts of a night: those who leave the line',
    without: within('cancel_booking', 'perform stays_left(b.offer_id, array[b.seq]);', 'null;'),
    noticedBy: ['counts of the nights of a stay only those who still wait for one of them'],
    programmes: ['stays', 'crowd of stays'],
  },
  {
    name: 'The counts of a night: those who are granted',
    without: within('admit_stays', 'v_arriving[c.first] := v_arriving[c.first] - 1;', ''),
    noticedBy: ['counts of the nights of a stay only those who still wait for one of them'],
    programmes: ['stays'],
  },
  {
    name: 'The counts of a night: those who are sold out',
    without: within('sell_out_stays', 'perform stays_left(l.offer_id, v_seqs);', ''),
    noticedBy: ['counts of the nights of a stay only those who still wait for one of them'],
    programmes: ['stays'],
  },
  {
    name: 'The counts of a night: those who began before the nights that are counted',
    without: within('accept_stays', 'c.arrived + b.begun', 'c.arrived'),
    noticedBy: [
      'counts those who would have begun days ago as long as they wait, on the nights that they wanted',
    ],
  },
  {
    name: 'The nights that are looked at: none that nobody can ask for',
    without: within('stock_by_night', 'and stock.day <= p_until', ''),
    noticedBy: ['is served whatever was once put on sale in a far year, ahead or behind'],
  },
  {
    name: 'The limit of a customer on each night',
    without: within('accept_stays', 'f.limit_per_customer - own.most', 'f.limit_per_customer'),
    noticedBy: ['counts the limit of a customer on each night, in the nights of a stay where it is highest'],
    programmes: ['stays', 'crowd of stays'],
  },
  {
    name: 'The bound of a line of stays',
    without: within('stay_positions', 'if v_position > p_max_length then', 'if false then'),
    noticedBy: ['has room in its line night by night, also within one batch'],
    programmes: ['stays'],
  },
  {
    name: 'The bound of a line of stays: those of the batch count',
    without: within('stay_positions', '+ 1 + v_covering[v_first]', '+ 1'),
    noticedBy: ['has room in its line night by night, also within one batch'],
    programmes: ['stays'],
  },
  {
    name: 'Sold out: by units that are final alone',
    without: within('sell_out_stays', 'capacity - sold - paid as units', 'available as units'),
    noticedBy: ['calls nobody sold out while one who holds the night may still give it back'],
    programmes: ['stays'],
  },
  {
    name: 'Sold out: where units become final, stays are looked at',
    without: put('set paid = paid + b.quantity, tightened = true', 'set paid = paid + b.quantity'),
    noticedBy: ['calls nobody sold out while one who holds the night may still give it back'],
    programmes: ['stays'],
  },
  {
    name: 'Sold out: a night is done only where all who lost it are told',
    without: within('sell_out_stays', 'exit when cardinality(v_seqs) = p_limit;\n', ''),
    noticedBy: ['tells those who lost a night in chunks, each of them once'],
  },
  {
    name: 'The beginning: nothing is granted to a stay that would have begun, of those who waited before',
    without: within('admit_stays', 'and w.seq < v_from and w.check_in > v_now', 'and w.seq < v_from'),
    noticedBy: ['grants nothing to a stay that would have begun, and nobody overtakes it by then'],
    programmes: ['stays'],
  },
  {
    name: 'The beginning: nothing is granted to a stay that would have begun, of those who came since',
    without: within(
      'admit_stays',
      'and b.state = v_waiting and b.check_in > v_now',
      'and b.state = v_waiting',
    ),
    noticedBy: ['grants nothing to a stay that began before it was looked at'],
  },
  {
    name: 'The beginning of a stay: by the clock of its own day',
    without: within(
      'accept_stays',
      '(r.first_day + f.check_in_time) at time zone f.time_zone as check_in',
      `(r.first_day + f.check_in_time - ((v_now at time zone f.time_zone) - (v_now at time zone 'UTC')))
        at time zone 'UTC' as check_in`,
    ),
    noticedBy: [
      'a stay over a change of the clock has each of its nights once, and begins by the clock of that day',
    ],
  },
  {
    name: 'The beginning of a stay: nobody enters after it, by the clock of its hotel',
    without: within(
      'accept_stays',
      "when (r.first_day + f.check_in_time) at time zone f.time_zone <= v_now then 'CHECK_IN_PAST'",
      "when r.first_day < f.today then 'CHECK_IN_PAST'",
    ),
    noticedBy: [
      'check-in has begun by the clock of the hotel, also right after that was put forward or back',
    ],
  },
  {
    name: 'The lock of the line in an acceptance of stays',
    without: within(
      'accept_stays',
      'where offer_id = any (p_offers) order by booking_line.offer_id for no key update',
      'where offer_id = any (p_offers)',
    ),
    noticedBy: ['is accepted in one order with whatever else happens to its line'],
    programmes: ['crowd of stays'],
  },
  {
    name: 'The flag of a batch of stays that is sent again',
    without: within('accept_stays', 'sent.id = r.id and p_resend and', 'false and'),
    noticedBy: ['gives a batch that is sent again after a lost answer what it has'],
  },
  {
    name: 'The key of a stay: a repetition finds the booking that is there',
    without: within('accept_stays', 'coalesce(r.known_hash, r.own_id::text) is null', 'r.own_id is null'),
    noticedBy: [
      'takes no tickets for rooms and no stay for an event, and one key for either but not for both',
    ],
    programmes: ['stays'],
  },
  {
    name: 'The claim of a reservation: before any of its units move',
    without: {
      routines: [
        {
          verb: 'tell_reservation',
          find: 'insert into reservation (service, booking_id, fence, state, offer_id, quantity, first_night, last_night, changed_at)\n  values (',
          put: 'r := row(',
        },
        {
          verb: 'tell_reservation',
          find: 'clock_timestamp())\n  on conflict do nothing;\n  select * into r from reservation',
          put: `clock_timestamp());
  perform 1 from reservation`,
        },
        {
          verb: 'tell_reservation',
          find: 'update reservation set fence = v_fence, state = v_to, changed_at = v_now\n    where service = r.service and booking_id = r.booking_id returning * into r;',
          put: `insert into reservation select r.service, r.booking_id, v_fence, v_to, r.offer_id, r.quantity, r.first_night,
      r.last_night, v_now
    on conflict (service, booking_id) do update set fence = excluded.fence, state = excluded.state returning * into r;`,
        },
      ],
    },
    noticedBy: ['are of one offer, also where two are told of them at once'],
    programmes: ['crowd', 'crowd of stays'],
  },
  {
    name: 'The claim of a reservation: for the units that it was told of first',
    without: within('tell_reservation', "perform refuse('IDEMPOTENCY_KEY_REUSED');", 'null;'),
    noticedBy: ['are of one offer, also where two are told of them at once'],
    programmes: ['model'],
  },
  {
    name: 'The place in the line: no other system takes what somebody who waits may have a claim to',
    without: within('move_reserved', 'and somebody_fits(l, v_first, v_last, p_now)', 'and false'),
    noticedBy: ['are not taken while somebody who waits here fits into them'],
    programmes: ['model', 'stays'],
  },
  {
    name: 'Sold out: not by what another system has but reserved',
    without: within(
      'move_reserved',
      'held = held + v_held, sold = sold + v_sold',
      'held = held + 0, sold = sold + v_held + v_sold',
    ),
    noticedBy: ['sell nobody out who waits here before they are confirmed'],
    programmes: ['model', 'stays'],
  },
  {
    name: 'Sold out: where another system confirms, those who wait are looked at',
    without: within(
      'tell_reservation',
      "if v_to = 'confirmed' and v_version is not null then perform sell_out_line(r.offer_id, v_now, p_actor); end if;",
      '',
    ),
    noticedBy: ['sell those out who need more than is left, once they are confirmed'],
    programmes: ['model', 'stays'],
  },
  {
    name: 'The mark of a night that came back: by another system',
    without: within('move_reserved', 'released = released or v_held + v_sold < 0, ', ''),
    noticedBy: ['go to whoever waits here for them when they come back'],
  },
  {
    name: 'The kind of an offer: no tickets for rooms',
    without: within('accept_bookings', "and o.starts_at < 'infinity'", ''),
    noticedBy: [
      'takes no tickets for rooms and no stay for an event, and one key for either but not for both',
    ],
  },
];
