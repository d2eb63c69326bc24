import { randomBytes } from 'node:crypto';
import { bookingsOf, checkInvariants, INVARIANTS, RULES } from '../ledger-check.js';
import type { Shown } from './answers.js';
import { Customer, type World } from './customer.js';
import { deadlineSeconds } from './deadline.js';
import { Http } from './http.js';
import { Operator } from './operator.js';
import type { Options } from './options.js';
import { drawPlans } from './plan.js';
import { Progress, type Screen } from './progress.js';
import { seededRandom } from './random.js';
import { report, type Report } from './report.js';
import { Scheduler } from './scheduler.js';
import type { Stage } from './stage.js';
import { judgeBoard, judgeEnds, judgeOrder, judgeSale, judgeSeen, verdict, type Verdict } from './verdict.js';

export interface Ending {
  readonly report: Report;
  readonly verdicts: readonly Verdict[];
}

/** How long the clients' last questions may take together. */
const LAST_LOOK_MS = 60_000;

/**
 * Plays one on-sale on a stage and judges it. Leaves the stage as it is.
 * @throws the signal's reason; Error where the server cannot be asked or the ledger not be read
 */
export async function rehearse(
  options: Options,
  stage: Stage,
  out: Screen,
  signal: AbortSignal,
): Promise<Ending> {
  const run = `r${randomBytes(5).toString('hex')}`;
  const [eventId, ticketType] = [`rehearsal-${run}`, 'standard'];
  const operator = new Operator(stage.origins[0] ?? '', stage.token);
  const { stock, holdSeconds } = options;
  const offerId = await operator.createOffer({ eventId, ticketType, capacity: stock, holdSeconds });
  const crowd = new CrowdOf(options, stage, { run, eventId, ticketType });
  const progress = new Progress(out, () => ({
    seconds: (performance.now() - crowd.startedAt) / 1000,
    customers: crowd.customers,
    stock,
    answers: crowd.http.answers,
    kills: stage.losses().workers + stage.losses().apis,
  }));
  try {
    progress.start();
    stage.startKilling();
    const quiet = await crowd.play(deadlineSeconds(options) * 1000, signal);
    const endedAt = performance.now();
    await stage.stopKilling();
    progress.stop();
    if (!quiet) progress.say('Not everybody came to an end in time.');
    const given = await crowd.lastLook();
    const verdicts = [
      ...(await invariants(stage, operator)),
      judgeBoard(
        crowd.customers,
        given,
        stage.databaseUrl === null ? null : await bookingsOf(stage.databaseUrl, offerId),
      ),
      judgeOrder(crowd.customers),
      judgeSeen(crowd.customers),
      ...judgeEnds(crowd.customers, stage.losses().crashes, crowd.surprises),
      judgeSale(crowd.customers, stock),
    ];
    const { customers, startedAt, http } = crowd;
    const { workers, apis } = stage.losses();
    const figures = { customers, stock, seed: options.seed, startedAt, endedAt, verdicts };
    const kills = { workers, apis };
    return {
      report: report({ ...figures, answers: crowd.answersWhenQuiet, repeats: http.repeats, kills }),
      verdicts,
    };
  } finally {
    progress.stop();
    await crowd.close();
  }
}

async function invariants(stage: Stage, operator: Operator): Promise<Verdict[]> {
  if (stage.databaseUrl === null) return operator.invariants();
  const found = await checkInvariants(stage.databaseUrl);
  return INVARIANTS.map((name) => {
    const { ok, checked, violations } = found[name];
    return verdict(
      name,
      RULES[name],
      `${checked} checked`,
      ok ? [] : [...violations, ...(violations.length > 0 ? [] : ['broken'])],
    );
  });
}

const reasonOf = ({ reason }: AbortSignal): Error =>
  reason instanceof Error ? reason : new Error(String(reason));

/** All customers of one rehearsal. */
class CrowdOf {
  readonly customers: readonly Customer[];
  readonly http: Http;
  readonly surprises = new Map<string, number>();
  startedAt = performance.now();
  answersWhenQuiet = 0;
  private readonly scheduler = new Scheduler();
  private left: number;
  private whenDone: () => void = () => undefined;

  constructor(options: Options, stage: Stage, names: { run: string; eventId: string; ticketType: string }) {
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
      onDone: () => {
        this.left -= 1;
        if (this.left === 0) this.whenDone();
      },
    };
    this.customers = drawPlans(options).map((plan) => new Customer(plan, world));
    this.left = this.customers.length;
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
    for (const customer of this.customers) {
      const { shown } = customer.watch;
      if (shown !== null && customer.booking !== null) given.set(customer, shown);
    }
    const looks = Promise.allSettled([...given.keys()].map((customer) => customer.look()));
    await Promise.race([looks, this.scheduler.sleep(LAST_LOOK_MS)]);
    return given;
  }

  async close(): Promise<void> {
    for (const customer of this.customers) customer.close();
    await this.http.close();
    this.scheduler.stop();
  }
}
