import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, Kafka, KafkaMessage } from 'kafkajs';
import { ABORT_GRACE_MS } from '../../delivery.js';
import type {
  ConsumeOptions,
  ConsumerActivity,
  Consumption,
  JobHandler,
  JobType,
  ReceivedJob,
} from '../../job-queue.js';
import type { Report } from './client.js';
import { COMMIT_MS, Commits } from './commits.js';
import { Deliveries } from './deliveries.js';
import type { Failures } from './failures.js';
import { commitWorks, HeldPartitions } from './held-partitions.js';
import { type Assignment, Membership, type MembershipListener } from './membership.js';
import { Outcomes } from './outcomes.js';
import type { Entry } from './partition-work.js';
import { RateLimit } from './rate-limit.js';
import { ReadAhead } from './read-ahead.js';
import { ReadyJobs } from './ready-jobs.js';
import type { Envelope } from './record.js';
import { consumedTopics, type TypeTopics, workTopics } from './topics.js';

/** Batches of one fetch come one by one: so long is waited for the urgent ones among them. */
const GATHER_MS = 1;
/** Jobs that start between two commits where there are many, though few wait at this moment. */
const BUSY = 20;
/** Past the grace of its aborted deliveries, a stop waits so long for the broker. */
const [LAST_COMMIT_MS, LEAVE_MS] = [700, 1300];
export interface ConsumptionParts<T extends JobType> {
  readonly type: T;
  readonly topics: TypeTopics;
  readonly kafka: Kafka;
  readonly marked: (mark: string) => Kafka;
  readonly admin: Admin;
  readonly prepare: () => Promise<void>;
  readonly handle: JobHandler<T>;
  readonly options: ConsumeOptions;
  /** Publishes a job to be delivered after `waitMs`. */
  readonly again: (envelope: Envelope<T>, waitMs: number) => Promise<void>;
  readonly copyDead: (job: ReceivedJob<T>, reason: string) => Promise<void>;
  readonly isPaused: () => boolean;
  readonly failures: Failures;
  readonly report: Report;
  /** From 0 to below 1. */
  readonly random: () => number;
}

/** A member of the group of one type of job: which jobs start when, and what becomes of them. */
export class KafkaConsumption<T extends JobType> implements Consumption, MembershipListener {
  private readonly held: HeldPartitions<T>;
  private readonly membership: Membership;
  private readonly ready = new ReadyJobs<T>(() => this.pump());
  private readonly deliveries: Deliveries<T>;
  private readonly rate: RateLimit;
  private readonly readAhead: ReadAhead<T>;
  private readonly commits: Commits<T>;
  private pumpTimer: NodeJS.Timeout | null = null;
  private isHandingBack = false;
  private stopped: Promise<void> | null = null;

  /** @throws what kafkajs throws when the group cannot be joined */
  static async start<T extends JobType>(parts: ConsumptionParts<T>): Promise<KafkaConsumption<T>> {
    const consumption = new KafkaConsumption(parts);
    await consumption.membership.start();
    return consumption;
  }

  private constructor(private readonly parts: ConsumptionParts<T>) {
    const { type, topics, kafka, marked, admin, prepare, options, failures, report } = parts;
    const shared = { group: topics.group, topics: consumedTopics(topics) };
    this.rate = new RateLimit(options.rateLimit);
    this.held = new HeldPartitions<T>({
      ...shared,
      type,
      admin,
      ordered: new Set(workTopics(topics)),
      onReady: (entry) => this.ready.add(entry),
      onForeign: (where) => this.trouble('foreign message passed over', new Error(where)),
    });
    this.membership = new Membership({
      ...{ ...shared, kafka, marked, admin, prepare, failures, report },
      listener: this,
    });
    this.readAhead = new ReadAhead(this.membership);
    const trouble: Report = (what, error) => this.trouble(what, error);
    this.commits = new Commits({
      held: this.held,
      commit: (works, noting) => commitWorks(this.membership, works, { noting }),
      next: () => this.next(),
      isBusy: (started) => this.ready.size > options.concurrency || started >= BUSY,
      onTold: () => this.pump(),
      report: trouble,
    });
    const outcomes = new Outcomes({
      ...parts,
      onFinish: (entry) => this.finish(entry),
      onHandBack: (entry) => this.unnote(entry),
      isHandingBack: () => this.isHandingBack,
      report: trouble,
    });
    this.deliveries = new Deliveries({ ...parts, outcomes, onFree: () => this.pump(), report: trouble });
  }

  activity(): ConsumerActivity {
    return this.deliveries.activity();
  }

  stop(timeoutMs: number): Promise<void> {
    this.stopped ??= this.drain(timeoutMs);
    return this.stopped;
  }

  /** The pause has changed. */
  wake(): void {
    // what waits does not run, whatever the broker was told before
    if (this.parts.isPaused()) for (const entry of this.ready.first(Infinity)) this.unnote(entry);
    this.pump();
  }

  assigned(assignment: Assignment): void {
    this.held.assign(assignment);
    this.readAhead.resumeAll();
    this.commits.soon(0);
  }

  rebalancing(): void {
    void this.handOver().catch(() => undefined);
  }

  lost(): void {
    this.readAhead.forget();
    this.commits.lost();
    this.held.loseAll();
  }

  async batch(topic: string, partition: number, messages: readonly KafkaMessage[]): Promise<void> {
    try {
      const work = await this.held.take(topic, partition, messages);
      if (work === null) return;
      this.pumpTimer ??= setTimeout(() => this.pump(), GATHER_MS);
      if (work.dirty) this.commits.soon(COMMIT_MS);
      await this.readAhead.bound(work);
    } catch (error) {
      // not awaited: the consumer that calls us is the one to be ended
      this.membership.restart('reading begins anew', error);
    }
  }

  /** Starts what may start. Before the broker is told of a job it starts only while there is an allowance. */
  private pump(): void {
    if (this.pumpTimer !== null) clearTimeout(this.pumpTimer);
    this.pumpTimer = null;
    while (this.canStart()) {
      const entry = this.ready.peek();
      if (entry === null) return;
      const wait = this.rate.waitMs(Date.now());
      if (wait > 0) {
        this.pumpTimer = setTimeout(() => this.pump(), wait);
        return;
      }
      if (!this.commits.mayStart(entry)) return;
      this.ready.shift();
      this.rate.started(Date.now());
      entry.state = 'running';
      entry.work.mark(entry);
      this.deliveries.start(entry);
      this.commits.soon(COMMIT_MS);
    }
  }

  private canStart(): boolean {
    return this.stopped === null && !this.parts.isPaused() && this.deliveries.freePlaces > 0;
  }

  private finish(entry: Entry<T>): void {
    const { work } = entry;
    if (work.lost) return;
    const next = work.done(entry);
    if (next !== null) this.ready.add(next);
    this.commits.soon(COMMIT_MS);
    this.readAhead.done(work);
  }

  private unnote(entry: Entry<T>): void {
    if (entry.state === 'waiting' && !entry.noted) return;
    entry.work.unmark(entry);
    this.commits.soon(COMMIT_MS);
  }

  /** Those that may start as soon as the broker was told of them. */
  private next(): Entry<T>[] {
    if (this.stopped !== null || this.parts.isPaused()) return [];
    const count = Math.min(this.deliveries.freePlaces, this.rate.room(Date.now()));
    return this.ready.first(count).filter(({ noted }) => !noted);
  }

  private async handOver(): Promise<void> {
    const works = [...this.held].filter((work) => work.size > 0 || work.dirty);
    if (works.length > 0) await commitWorks(this.membership, works, { handedOver: true });
  }

  private async drain(timeoutMs: number): Promise<void> {
    if (!(await this.deliveries.idleWithin(timeoutMs))) {
      this.handBack();
      this.deliveries.abortAll('SHUTDOWN');
      await this.deliveries.idleWithin(ABORT_GRACE_MS + 100);
    }
    this.handBack();
    if (this.pumpTimer !== null) clearTimeout(this.pumpTimer);
    await Promise.race([
      this.handOver().catch(() => undefined),
      sleep(LAST_COMMIT_MS, undefined, { ref: false }),
    ]);
    await Promise.race([this.membership.stop(), sleep(LEAVE_MS, undefined, { ref: false })]);
  }

  /** What is left is told of in the last commit alone. */
  private handBack(): void {
    this.isHandingBack = true;
    this.commits.close();
  }

  private trouble(what: string, error: unknown): void {
    this.parts.report(`${this.parts.topics.group}: ${what}`, error);
  }
}
