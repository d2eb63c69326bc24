import { STATES, TRANSITIONS, type BookingState } from '../../src/booking/booking.js';
import type { LineEvent } from '../../src/realtime/events.js';
import { placeInLine, type Place } from '../../src/realtime/place.js';
import { object, problemCode, type Accepted, type Shown } from './answers.js';
import type { HttpAnswer } from './http.js';

/** For each state, all that can follow it in one or more steps: a client may sleep through some of them. */
const CAN_FOLLOW: ReadonlyMap<BookingState, ReadonlySet<BookingState>> = new Map(
  STATES.map((from) => [from, reachable(from)]),
);

function reachable(from: BookingState): ReadonlySet<BookingState> {
  const found = new Set<BookingState>();
  const open = [...TRANSITIONS[from]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    open.push(...TRANSITIONS[next]);
  }
  return found;
}

/** The members that two JSON objects do not share; no values, as one of them is a token. */
function differences(a: unknown, b: unknown): string[] {
  const [first, second] = [object(a), object(b)];
  return [...new Set([...Object.keys(first), ...Object.keys(second)])].filter(
    (name) => JSON.stringify(first[name]) !== JSON.stringify(second[name]),
  );
}

/** One client's memory of what it was shown, and the judge of whether it adds up. */
export class Watch {
  /** The last snapshot that counted: the one of the highest version. */
  shown: Shown | null = null;
  /** Every state in which it was shown, in order. */
  readonly states: BookingState[] = [];
  readonly violations: string[] = [];
  /** How many snapshots and line events were judged. */
  seen = 0;
  /** No more than the position shown last; null before the first and once out of the line. */
  position: number | null = null;
  private lineVersion = -1;

  constructor(private readonly name: string) {}

  /** The last version of the line that it saw, whatever told it. */
  get version(): number {
    return Math.max(this.shown?.version ?? -1, this.lineVersion);
  }

  accepted(answer: Accepted): void {
    this.see({
      bookingId: answer.bookingId,
      seq: answer.seq,
      state: 'waiting',
      reason: null,
      position: answer.position,
      version: answer.version,
      progress: 0,
      holdMs: null,
      ticketCodes: [],
    });
  }

  /** An answer to a question that named the last version seen: it must not be older. */
  answered(next: Shown, asked: number): boolean {
    if (next.version < asked)
      this.blame(`asked with version ${asked} and was answered version ${next.version}`);
    return this.see(next);
  }

  /** True where it counts: what is older than the last one is to be ignored, as events may overtake. */
  see(next: Shown): boolean {
    this.seen += 1;
    const last = this.shown;
    if (last !== null && next.version < last.version) return false;
    // Within a version progress only rises: a worker that was cut off may tell late what another has overtaken.
    if (last?.version === next.version && next.progress < last.progress) return false;
    // A question may be overtaken by a line event: what it says of the place is old news then.
    if (next.state === 'waiting' && next.version < this.lineVersion) return false;
    if (last !== null) this.compare(last, next);
    if (last?.state !== next.state) this.states.push(next.state);
    this.shown = next;
    this.moveTo(next.position, next.position, `version ${next.version}`);
    return true;
  }

  /** Places itself from what everybody is told; null where the event is older than one it has seen. */
  line(event: LineEvent): Place | null {
    const { shown } = this;
    if (shown === null || shown.state !== 'waiting') return null;
    if (event.version < this.lineVersion || event.version < shown.version) return null;
    this.lineVersion = event.version;
    this.seen += 1;
    const place = placeInLine(event, shown.seq, 1);
    if (place.kind === 'waiting') this.moveTo(place.position, place.least, `line version ${event.version}`);
    return place;
  }

  /** One request sent twice at once: accepted once, and answered the same twice. */
  sameAnswers(first: HttpAnswer, second: HttpAnswer): void {
    const codes = [first, second].map(({ status, body }) =>
      status === 202 ? '202' : problemCode(status, body),
    );
    if (codes[0] !== codes[1]) {
      this.blame(`sent one request twice and was answered ${codes.join(' and ')}`);
    } else if (first.status === 202) {
      const different = differences(first.body, second.body);
      if (different.length > 0)
        this.blame(`sent one request twice; the answers differ in ${different.join(', ')}`);
    }
  }

  blame(what: string): void {
    if (this.violations.length < 20) this.violations.push(`${this.name} ${what}`);
  }

  private compare(last: Shown, next: Shown): void {
    if (next.bookingId !== last.bookingId || next.seq !== last.seq) {
      this.blame(
        `was shown booking ${next.bookingId} number ${next.seq} as its ${last.bookingId} number ${last.seq}`,
      );
    }
    if (next.state !== last.state && CAN_FOLLOW.get(last.state)?.has(next.state) !== true) {
      this.blame(
        `went from ${last.state} (version ${last.version}) to ${next.state} (version ${next.version})`,
      );
    }
    if (next.state === 'waiting' && next.position === null) this.blame('waits without a position');
    const lost = last.ticketCodes.find((code) => !next.ticketCodes.includes(code));
    if (lost !== undefined) this.blame('lost a ticket code that it had been shown');
  }

  private moveTo(position: number | null, least: number | null, source: string): void {
    if (position === null || least === null) {
      this.position = null;
      return;
    }
    if (this.position !== null && least > this.position) {
      this.blame(`moved back from position ${this.position} to at least ${least} at ${source}`);
    }
    this.position = this.position === null ? position : Math.min(this.position, position);
  }
}
