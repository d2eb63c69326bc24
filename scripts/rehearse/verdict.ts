import { judgeRealTimeOrder } from './real-time-order.js';
import type { Shown } from './answers.js';
import type { Customer } from './customer.js';

/** One thing that must hold, and what broke it. */
export interface Verdict {
  readonly name: string;
  /** What it says, for a person. */
  readonly rule: string;
  readonly ok: boolean;
  /** What was looked at, in words. */
  readonly checked: string;
  readonly violations: readonly string[];
}

/** What the ledger's row says of a booking; what a client was shown must say the same. */
export type LedgerRow = Pick<Shown, 'seq' | 'state' | 'reason' | 'progress'>;

export const verdict = (
  name: string,
  rule: string,
  checked: string,
  violations: readonly string[],
): Verdict => ({
  name,
  rule,
  ok: violations.length === 0,
  checked,
  violations: violations.slice(0, 20),
});

/** A2 in real time, and that the numbers given are 1 to the last without a gap: nobody was accepted unknowingly. */
export function judgeOrder(customers: readonly Customer[]): Verdict {
  const acceptances = customers.flatMap(({ acceptance }) => (acceptance === null ? [] : [acceptance]));
  const { pairs, violations } = judgeRealTimeOrder(acceptances);
  const last = acceptances.reduce((most, { seq }) => Math.max(most, seq), 0);
  const everyoneAnswered = customers.every(
    ({ acceptance, rejected }) => acceptance !== null || rejected !== null,
  );
  const gap =
    everyoneAnswered && last !== acceptances.length
      ? [`the last number is ${last}, but ${acceptances.length} clients have one`]
      : [];
  return verdict(
    'A2',
    'who was answered before another asked stands before',
    `${pairs} pairs in order of time`,
    [...violations, ...gap],
  );
}

/** A4 and the clients' half of F3: positions that only fall, states that can follow one another. */
export function judgeSeen(customers: readonly Customer[]): Verdict {
  const seen = customers.reduce((sum, { watch }) => sum + watch.seen, 0);
  const violations = customers.flatMap(({ watch }) => watch.violations);
  return verdict(
    'A4',
    'no position rose, no state went astray',
    `${seen} snapshots and line events`,
    violations,
  );
}

/**
 * F8: the last snapshot that each client was given by itself against what it is told when all is quiet, and
 * against the ledger's row where that can be read.
 */
export function judgeBoard(
  customers: readonly Customer[],
  given: ReadonlyMap<Customer, Shown>,
  rows: ReadonlyMap<string, LedgerRow> | null,
): Verdict {
  const violations: string[] = [];
  for (const [customer, last] of given) {
    const now = customer.watch.shown;
    const row = rows?.get(last.bookingId);
    if (now === null || facts(now) !== facts(last) || now.ticketCodes.join() !== last.ticketCodes.join()) {
      const then = now === null ? 'nothing' : `${facts(now)} ${codes(now)}`;
      violations.push(`${customer.name} was last shown ${facts(last)} ${codes(last)}, and then ${then}`);
    }
    if (rows !== null && (row === undefined || facts(row) !== facts(last))) {
      violations.push(
        `${customer.name} was last shown ${facts(last)}, the ledger says ${row === undefined ? 'nothing' : facts(row)}`,
      );
    }
  }
  const accepted = customers.filter(({ booking }) => booking !== null).length;
  if (accepted !== given.size)
    violations.push(`${accepted - given.size} clients were never shown their booking`);
  return verdict(
    'F8',
    'what clients were last shown is what the ledger says',
    `${given.size} clients`,
    violations,
  );
}

const codes = ({ ticketCodes }: Shown): string => `with ${ticketCodes.length} ticket codes`;

const facts = ({ seq, state, reason, progress }: LedgerRow): string =>
  `number ${seq} ${state}${reason === null ? '' : ` (${reason})`} at ${progress} %`;

/** Everybody has an answer, and has come to an end. */
export function judgeEnds(
  customers: readonly Customer[],
  crashes: readonly string[],
  surprises: ReadonlyMap<string, number>,
): Verdict[] {
  const unanswered = customers.filter(({ acceptance, rejected }) => acceptance === null && rejected === null);
  const unsettled = customers.filter(({ acceptance, done }) => acceptance !== null && !done);
  const answered = customers.length - unanswered.length;
  return [
    verdict(
      'answered',
      'every client got an answer',
      `${answered} of ${customers.length}`,
      unanswered.map(({ name }) => `${name} got none`),
    ),
    verdict(
      'settled',
      'every booking came to an end',
      `${answered - unsettled.length} of ${answered}`,
      unsettled.map(stuck),
    ),
    verdict(
      'answers',
      'only answers that the API promises, from processes that do not end by themselves',
      'all answers',
      [...crashes, ...[...surprises].map(([what, times]) => `${what}, ${times} times`)],
    ),
  ];
}

function stuck({ name, watch, plan }: Customer): string {
  const { shown } = watch;
  const state =
    shown === null
      ? 'unknown'
      : `${shown.state} at ${shown.progress} %, position ${shown.position ?? 'none'}`;
  return `${name} (${plan.behaviour.kind}, ${plan.transport}, booking ${shown?.bookingId ?? '?'}) is stuck: ${state}`;
}

/** An outage that did not happen shows nothing. */
export const judgeOutage = (kills: number): Verdict =>
  verdict(
    'outage',
    'the broker was killed in the middle of the sale, and came back',
    `${kills} times`,
    kills > 0 ? [] : ['the sale was over before'],
  );
