import { SETTLED, type BookingSnapshot } from '../../src/booking/booking.js';
import type { JoinAnswer, LineEvent } from '../../src/realtime/events.js';
import { problemCode, readAccepted, readShown, type Accepted } from './answers.js';
import { CrowdClosed, type Http, type HttpAnswer } from './http.js';
import { askMs, pollMs, type Crowd } from './pace.js';
import type { Plan } from './plan.js';
import type { Random } from './random.js';
import type { SeenAcceptance } from './real-time-order.js';
import type { Cancel, Scheduler } from './scheduler.js';
import { CustomerSocket, type SocketCounts, type SocketListener } from './sockets.js';
import { Watch } from './watch.js';

/** What all customers of one rehearsal share. */
export interface World {
  /** Makes ids and keys of this rehearsal its own. */
  readonly run: string;
  /** What is asked for, as the part of a request that names it. */
  readonly sale: { request(plan: Plan): Readonly<Record<string, unknown>> };
  readonly crowd: Crowd;
  readonly http: Http;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly origins: readonly string[];
  readonly sockets: SocketCounts;
  /** Answers that no client should get, `POST /api/bookings 500 INTERNAL`, with their number. */
  readonly surprises: Map<string, number>;
  /** Called once for each customer whose request has been answered for good. */
  onAnswered(customer: Customer): void;
  /** Called once for each customer who has nothing more to expect. */
  onDone(customer: Customer): void;
}

/** Refusals of a payment or of leaving that only say that the booking has moved on. */
const MOVED_ON = new Set([
  ...['NOT_HELD', 'HOLD_EXPIRED', 'PAYMENT_IN_PROGRESS', 'ALREADY_SETTLED'],
  // paid for meanwhile, and its offers are not refundable
  'NOT_REFUNDABLE',
]);

/** One simulated customer, from the request to where the booking settles. */
export class Customer implements SocketListener {
  readonly name: string;
  readonly watch: Watch;
  /** When the request was handed over, by `performance.now()`. */
  askedAt = 0;
  /** Null before, and where it was refused. */
  acceptance: SeenAcceptance | null = null;
  booking: Accepted | null = null;
  /** The code of a refusal to join the line. */
  rejected: string | null = null;
  /** When it was first shown a confirmed booking. */
  ticketAt: number | null = null;
  done = false;
  private socket: CustomerSocket | null = null;
  private cancel: Cancel = () => {};
  private due = Infinity;
  private busy = false;
  private payments = 0;
  private leaveAt = Infinity;

  constructor(
    readonly plan: Plan,
    private readonly world: World,
  ) {
    this.name = `customer-${plan.index + 1}`;
    this.watch = new Watch(this.name);
  }

  get version(): number {
    return Math.max(0, this.watch.version);
  }

  /** Hands the request over before it returns, twice where the plan says so. */
  join(): void {
    if (this.askedAt === 0) this.askedAt = performance.now();
    const asked = [this.post(), ...(this.plan.duplicate ? [this.post()] : [])];
    void Promise.all(asked)
      .then((answers) => this.joined(answers))
      .catch((error: unknown) => this.failed(error));
  }

  /** Asks what the ledger says now. */
  async look(): Promise<void> {
    if (this.booking === null) return;
    const asked = this.version;
    const answer = await this.ask('GET', `?version=${asked}`);
    if (answer.status === 200) this.watch.answered(readShown(answer.body), asked);
    else this.surprise('GET /api/bookings/:id', answer);
  }

  close(): void {
    this.cancel();
    this.socket?.close();
  }

  onJoined(answer: JoinAnswer, asked: number): void {
    this.guarded(() => {
      if (!answer.ok) return this.watch.blame(`was refused by its socket: ${answer.code}`);
      this.watch.answered(readShown(answer.snapshot), asked);
      this.placed(answer.line);
      this.resume();
    });
  }

  onLine(event: LineEvent): void {
    this.guarded(() => this.placed(event));
  }

  onBooking(event: BookingSnapshot): void {
    this.guarded(() => {
      if (this.watch.see(readShown(event))) this.resume();
    });
  }

  private post(): Promise<HttpAnswer> {
    const { run, sale, http } = this.world;
    const userId = `${run}-${this.plan.index + 1}`;
    const email = `${userId}@example.test`;
    const payment = this.plan.prepaid ? { paymentMethod: 'pm_ok' } : {};
    return http.ask({
      method: 'POST',
      path: '/api/bookings',
      idempotencyKey: `${userId}-join`,
      body: { userId, ...sale.request(this.plan), email, ...payment },
    });
  }

  private joined(answers: readonly HttpAnswer[]): void {
    const [first, second] = answers;
    if (first === undefined || this.done) return;
    if (second !== undefined) this.watch.sameAnswers(first, second);
    if (first.status !== 202) return this.refused(first);
    const accepted = readAccepted(first.body);
    this.booking = accepted;
    this.acceptance = {
      name: this.name,
      seq: accepted.seq,
      sentAt: Math.min(...answers.map(({ sentAt }) => sentAt)),
      answeredAt: Math.min(...answers.map(({ answeredAt }) => answeredAt)),
    };
    this.watch.accepted(accepted);
    this.world.onAnswered(this);
    const { behaviour, index, transport } = this.plan;
    if (behaviour.kind === 'leaves' && behaviour.from === 'waiting') {
      this.leaveAt = performance.now() + behaviour.afterMs;
    }
    const { origins, sockets } = this.world;
    const origin = origins[index % origins.length];
    if (transport === 'socket' && origin !== undefined) {
      this.socket = new CustomerSocket(origin, accepted.token, accepted.bookingId, this, sockets);
    }
    this.resume();
  }

  private refused(answer: HttpAnswer): void {
    const code = problemCode(answer.status, answer.body);
    if (code !== 'SOLD_OUT') this.surprise('POST /api/bookings', answer);
    // A server's mistake is asked again with the same key; a refusal is an answer.
    if (answer.status >= 500) return this.planTurn(1000, () => this.join());
    this.rejected = code;
    this.world.onAnswered(this);
    this.finish();
  }

  private placed(event: LineEvent): void {
    const place = this.watch.line(event);
    // Its own event should come at once; where it does not, it asks.
    if (place !== null && place.kind !== 'waiting') this.hurry(300 + 1200 * this.world.random());
  }

  /** Decides what comes next from what it was shown last. */
  private resume(): void {
    const { shown } = this.watch;
    if (this.done || shown === null) return;
    if (shown.state === 'confirmed') this.ticketAt ??= performance.now();
    if (SETTLED.has(shown.state)) return this.finish();
    if (this.busy) return;
    if (this.intent() !== 'look') return this.planTurn(20 + 80 * this.world.random(), () => this.turn());
    const { crowd, random } = this.world;
    const wait =
      this.socket?.connected === true
        ? askMs(shown, this.plan, random)
        : pollMs(shown, this.watch.position, this.plan, crowd, random);
    const leavesIn = shown.state === 'waiting' ? this.leaveAt - performance.now() : Infinity;
    this.planTurn(Math.min(wait, leavesIn), () => this.turn());
  }

  private intent(): 'pay' | 'leave' | 'look' {
    const { behaviour } = this.plan;
    const state = this.watch.shown?.state;
    if (state === 'waiting') return performance.now() >= this.leaveAt ? 'leave' : 'look';
    if (state !== 'held' || behaviour.kind === 'no-show') return 'look';
    if (behaviour.kind === 'leaves') return 'leave';
    return behaviour.kind === 'declined' && behaviour.then === 'leaves' && this.payments > 0
      ? 'leave'
      : 'pay';
  }

  private turn(): void {
    if (this.busy || this.done) return;
    this.busy = true;
    void this.act()
      .catch((error: unknown) => this.failed(error))
      .finally(() => {
        this.busy = false;
        this.guarded(() => this.resume());
      });
  }

  private async act(): Promise<void> {
    const intent = this.intent();
    if (intent === 'look') return this.look();
    const answer =
      intent === 'pay'
        ? await this.ask('POST', '/payment', { paymentMethod: this.method() }, `pay-${this.payments + 1}`)
        : await this.ask('DELETE', '');
    if (answer.status === (intent === 'pay' ? 202 : 200)) {
      if (intent === 'pay') this.payments += 1;
      this.watch.see(readShown(answer.body));
      return;
    }
    const code = problemCode(answer.status, answer.body);
    if (!MOVED_ON.has(code)) this.surprise(intent === 'pay' ? 'POST …/payment' : 'DELETE …', answer);
    await this.world.scheduler.sleep(200);
    await this.look();
  }

  private method(): string {
    return this.plan.behaviour.kind === 'declined' && this.payments === 0 ? 'pm_decline' : 'pm_ok';
  }

  private ask(
    method: 'GET' | 'POST' | 'DELETE',
    rest: string,
    body?: unknown,
    key?: string,
  ): Promise<HttpAnswer> {
    if (this.booking === null) throw new Error(`${this.name} has no booking yet`);
    const { bookingId, token } = this.booking;
    return this.world.http.ask({
      method,
      path: `/api/bookings/${bookingId}${rest}`,
      token,
      ...(body === undefined ? {} : { body }),
      ...(key === undefined ? {} : { idempotencyKey: `${bookingId}-${key}` }),
    });
  }

  private finish(): void {
    if (this.done) return;
    this.done = true;
    this.close();
    this.world.onDone(this);
  }

  private surprise(route: string, answer: HttpAnswer): void {
    const name = `${route} answered ${answer.status} ${problemCode(answer.status, answer.body)}`;
    this.world.surprises.set(name, (this.world.surprises.get(name) ?? 0) + 1);
  }

  private failed(error: unknown): void {
    if (error instanceof CrowdClosed) return;
    this.watch.blame(
      `was answered what it cannot read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }

  /** A broken promise inside an event is judged, and must not end the process. */
  private guarded(handle: () => void): void {
    try {
      handle();
    } catch (error) {
      this.failed(error);
    }
  }

  private hurry(ms: number): void {
    if (!this.done && performance.now() + ms < this.due) this.planTurn(ms, () => this.turn());
  }

  private planTurn(ms: number, run: () => void): void {
    this.cancel();
    this.due = performance.now() + ms;
    this.cancel = this.world.scheduler.after(ms, () => {
      this.due = Infinity;
      run();
    });
  }
}
