import type { Shown } from './answers.js';
import { Customer, type World } from './customer.js';
import { Http } from './http.js';
import type { Options } from './options.js';
import { drawPlans, drawStay, type Plan } from './plan.js';
import { seededRandom, type Random } from './random.js';
import type { Sale } from './sale.js';
import { Scheduler } from './scheduler.js';
import type { Stage } from './stage.js';

/** How long the clients' last questions may take together. */
const LAST_LOOK_MS = 60_000;
const MARKERS = 20;

const reasonOf = ({ reason }: AbortSignal): Error =>
  reason instanceof Error ? reason : new Error(String(reason));

/**
 * All customers of one rehearsal, and a few markers besides: customers that ask one after another while the others
 * are being answered, and leave at once. A crowd that asks in one moment says nothing about order in real time;
 * each marker stands behind everybody who had been answered before it asked, and before everybody who asks later.
 */
export class Cast {
  readonly customers: readonly Customer[];
  private readonly markers: readonly Customer[];
  readonly http: Http;
  readonly surprises = new Map<string, number>();
  startedAt = performance.now();
  answersWhenQuiet = 0;
  private readonly scheduler = new Scheduler();
  private left: number;
  private answered = 0;
  private marked = 0;
  private whenDone: () => void = () => undefined;

  constructor(options: Options, stage: Stage, names: { run: string; sale: Sale }) {
    const random = seededRandom(options.seed ^ 0x5eed);
    this.http = new Http(stage.origins, options.clients, this.scheduler, random);
    const world: World = {
      ...names,
      crowd: options,
      http: this.http,
      scheduler: this.scheduler,
      random,
      origins: stage.origins,
      sockets: { connected: 0, lost: 0, failed: 0, lines: 0, bookings: 0 },
      surprises: this.surprises,
      onAnswered: (customer) => this.onAnswered(customer),
      onDone: () => {
        this.left -= 1;
        if (this.left === 0) this.whenDone();
      },
    };
    const { clients } = options;
    this.customers = drawPlans(options).map((plan) => new Customer(plan, world));
    this.markers = Array.from(
      { length: Math.min(MARKERS, clients) },
      (_, index) => new Customer(markerPlan(clients + index, options, random), world),
    );
    this.left = this.customers.length + this.markers.length;
  }

  /** Everybody who has asked, markers too. */
  get everyone(): readonly Customer[] {
    return [...this.customers, ...this.markers.slice(0, this.marked)];
  }

  /** The next marker asks whenever another share of the crowd has been answered. */
  private onAnswered(customer: Customer): void {
    if (customer.plan.index >= this.customers.length) return;
    this.answered += 1;
    const due = Math.floor((this.answered * this.markers.length) / this.customers.length);
    for (; this.marked < due; this.marked += 1) this.markers[this.marked]?.join();
  }

  /**
   * Everybody asks before anybody is answered. True when all came to an end before the deadline.
   * @throws the signal's reason
   */
  async play(deadlineMs: number, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    this.startedAt = performance.now();
    const quiet = new Promise<true>((resolve) => (this.whenDone = () => resolve(true)));
    for (const customer of this.customers) customer.join();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), deadlineMs)));
    const aborted = new Promise<never>((_, reject) =>
      signal.addEventListener('abort', () => reject(reasonOf(signal))),
    );
    const done = await Promise.race([quiet, late, aborted]).finally(() => clearTimeout(timer));
    this.answersWhenQuiet = this.http.answers;
    return done;
  }

  /** What each was last shown before; after it, each has asked once more. */
  async lastLook(): Promise<Map<Customer, Shown>> {
    const given = new Map<Customer, Shown>();
    for (const customer of this.everyone) {
      const { shown } = customer.watch;
      if (shown !== null && customer.booking !== null) given.set(customer, shown);
    }
    const looks = Promise.allSettled([...given.keys()].map((customer) => customer.look()));
    await Promise.race([looks, this.scheduler.sleep(LAST_LOOK_MS)]);
    return given;
  }

  async close(): Promise<void> {
    for (const customer of this.everyone) customer.close();
    await this.http.close();
    this.scheduler.stop();
  }
}

const markerPlan = (index: number, { kind, nights }: Options, random: Random): Plan => ({
  index,
  behaviour: { kind: 'leaves', from: 'waiting', afterMs: 0 },
  transport: 'poll',
  duplicate: false,
  prepaid: false,
  stay: kind === 'hotel' ? drawStay(nights, random) : null,
});
