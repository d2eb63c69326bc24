import { HOLDS_UNITS, type BookingState } from '../../src/booking/booking.js';
import type { Customer } from './customer.js';
import type { Sale } from './sale.js';
import { quantiles, type Quantiles } from './statistics.js';
import type { Verdict } from './verdict.js';

/** The figures of one rehearsal; the document that `--json` prints. */
export interface Report {
  readonly clients: number;
  readonly stock: number;
  /** Units of what was sold: tickets, or rooms by night. */
  readonly sold: number;
  readonly units: string;
  readonly accepted: number;
  readonly rejected: number;
  /** Clients whose turn came. */
  readonly held: number;
  readonly confirmed: number;
  readonly expired: number;
  readonly cancelled: number;
  readonly soldOut: number;
  readonly unsettled: number;
  /** From the first request to where the last client was done. */
  readonly seconds: number;
  readonly acceptMs: Quantiles | null;
  readonly ticketMs: Quantiles | null;
  readonly acceptedPerSecond: number;
  readonly requestsPerSecond: number;
  readonly repeats: { readonly refused: number; readonly broken: number };
  readonly kills: { readonly workers: number; readonly apis: number; readonly brokers: number };
  readonly seed: number;
  readonly invariants: Readonly<Record<string, boolean>>;
  /** What must hold besides: A2 and A4 as the clients saw them, answered, settled, sold. */
  readonly also: Readonly<Record<string, boolean>>;
  readonly violations: readonly string[];
  readonly ok: boolean;
}

export interface Facts {
  readonly customers: readonly Customer[];
  readonly stock: number;
  readonly sale: Pick<Sale, 'units' | 'unitsOf'>;
  readonly seed: number;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly answers: number;
  readonly repeats: { readonly refused: number; readonly broken: number };
  readonly kills: { readonly workers: number; readonly apis: number; readonly brokers: number };
  readonly verdicts: readonly Verdict[];
}

export function report(facts: Facts): Report {
  const { customers, verdicts, sale } = facts;
  const ended = (state: BookingState): number =>
    customers.filter(({ watch }) => watch.shown?.state === state).length;
  const accepted = customers.flatMap(({ acceptance }) => (acceptance === null ? [] : [acceptance]));
  const waits = (until: (customer: Customer) => number | null | undefined): number[] =>
    customers.flatMap((customer) => {
      const at = until(customer);
      return at === null || at === undefined ? [] : [at - customer.askedAt];
    });
  const seconds = (facts.endedAt - facts.startedAt) / 1000;
  const lastAnswer = accepted.reduce((last, { answeredAt }) => Math.max(last, answeredAt), facts.startedAt);
  const ruled = (invariant: boolean): Record<string, boolean> =>
    Object.fromEntries(
      verdicts.filter(({ name }) => /^F\d$/.test(name) === invariant).map(({ name, ok }) => [name, ok]),
    );
  return {
    clients: customers.length,
    stock: facts.stock,
    sold: customers
      .filter(({ watch }) => watch.shown?.state === 'confirmed')
      .reduce((sum, { plan }) => sum + sale.unitsOf(plan), 0),
    units: sale.units,
    accepted: accepted.length,
    rejected: customers.filter(({ rejected }) => rejected !== null).length,
    held: customers.filter(({ watch }) => watch.states.some(hadItsTurn)).length,
    confirmed: ended('confirmed'),
    expired: ended('expired'),
    cancelled: ended('cancelled'),
    soldOut: ended('sold_out'),
    unsettled: customers.filter(({ done }) => !done).length,
    seconds: rounded(seconds),
    acceptMs: whole(quantiles(waits(({ acceptance }) => acceptance?.answeredAt))),
    ticketMs: whole(quantiles(waits(({ ticketAt }) => ticketAt))),
    acceptedPerSecond: Math.round(accepted.length / Math.max(0.001, (lastAnswer - facts.startedAt) / 1000)),
    requestsPerSecond: Math.round(facts.answers / Math.max(0.001, seconds)),
    repeats: facts.repeats,
    kills: facts.kills,
    seed: facts.seed,
    invariants: ruled(true),
    also: ruled(false),
    violations: verdicts.flatMap(({ name, violations }) =>
      violations.map((violation) => `${name}: ${violation}`),
    ),
    ok: verdicts.every(({ ok }) => ok),
  };
}

const hadItsTurn = (state: BookingState): boolean =>
  HOLDS_UNITS.has(state) || state === 'confirmed' || state === 'expired';

const rounded = (value: number): number => Math.round(value * 10) / 10;

const whole = (of: Quantiles | null): Quantiles | null =>
  of === null ? null : { p50: Math.round(of.p50), p99: Math.round(of.p99) };

/** The table and the verdict, for a person. */
export function render(result: Report, verdicts: readonly Verdict[]): string {
  const figures: [string, string][] = [
    ['clients', String(result.clients)],
    ['accepted', String(result.accepted)],
    ['turned away', String(result.rejected)],
    ['held', String(result.held)],
    ['confirmed', `${result.confirmed}; ${result.sold} of ${result.stock} ${result.units}`],
    ['expired', String(result.expired)],
    ['cancelled', String(result.cancelled)],
    ['sold out', String(result.soldOut)],
    ['time to accept', pair(result.acceptMs)],
    ['time to ticket', pair(result.ticketMs)],
    ['accepted a second', String(result.acceptedPerSecond)],
    ['requests a second', String(result.requestsPerSecond)],
    [
      'asked again',
      `${result.repeats.refused} after a 503, ${result.repeats.broken} after a broken connection`,
    ],
    ...killed(result.kills),
    ['took', `${result.seconds} s`],
    ['seed', String(result.seed)],
  ];
  const judged = verdicts.map(({ name, rule, ok, checked }): [string, string] => [
    `${ok ? 'ok    ' : 'BROKEN'} ${name}`,
    `${rule} (${checked})`,
  ]);
  const broken = result.violations.map((violation) => `  ${violation}`);
  const last = result.ok ? `ok: sold ${result.sold} of ${result.stock} ${result.units}` : 'BROKEN';
  return [
    table(figures),
    '',
    table(judged),
    ...(broken.length > 0 ? ['', ...broken] : []),
    '',
    last,
    '',
  ].join('\n');
}

function killed(kills: Report['kills']): [string, string][] {
  const { workers, apis, brokers } = kills;
  const broker = brokers === 0 ? '' : `, ${brokers} times the broker`;
  return workers + apis + brokers === 0
    ? []
    : [['killed', `${workers} times a worker, ${apis} times an api process${broker}`]];
}

const pair = (of: Quantiles | null): string =>
  of === null ? '–' : `p50 ${time(of.p50)}, p99 ${time(of.p99)}`;

const time = (ms: number): string => (ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`);

/** Two columns, the first one as wide as its widest cell. */
export function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n');
}
