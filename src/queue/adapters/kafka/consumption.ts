import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, Kafka, KafkaMessage } from 'kafkajs';
import { ABORT_GRACE_MS, Delivery } from '../../delivery.js';
import {
  type ConsumeOptions,
  type ConsumerActivity,
  type Consumption,
  type JobHandler,
  type JobType,
  PermanentFailure,
  type ReceivedJob,
} from '../../job-queue.js';
import { backoff, failureCode } from '../../retry.js';
import type { Report } from './client.js';
import { commitWorks, HeldPartitions } from './held-partitions.js';
import { type Assignment, Membership, type MembershipListener } from './membership.js';
import type { Entry, PartitionWork } from './partition-work.js';
import { RateLimit } from './rate-limit.js';
import { ReadyJobs } from './ready-jobs.js';
import type { Envelope } from './record.js';
import { consumedTopics, type TypeTopics, workTopics } from './topics.js';

/** Batches of one fetch come one by one: so long is waited for the urgent ones among them. */
const GATHER_MS = 3;
/** What is done is committed this soon. */
const COMMIT_MS = 15;
const COMMIT_RETRY_MS = 250;
/** While many wait, so many jobs may start after a commit before the broker is told of each. */
const AHEAD = 2048;
/** Jobs in hand of one partition: past the first bound reading waits, and goes on below the second. */
const [MOST_IN_HAND, FEWER_IN_HAND] = [4000, 2000];
/** So long the reading of all waits for a full partition; then that one is left out. */
const FULL_WAIT_MS = 150;
const RESEND_MS = 500;
const MOST_TIMER_MS = 2 ** 31 - 1;
/** Past the grace of its aborted deliveries, a stop waits so long for the broker. */
const [LAST_COMMIT_MS, LEAVE_MS] = [700, 1300];

export interface ConsumptionParts<T extends JobType> {
  readonly type: T;
  readonly topics: TypeTopics;
  readonly kafka: Kafka;
  readonly admin: Admin;
  readonly prepare: () => Promise<void>;
  readonly handle: JobHandler<T>;
  readonly options: ConsumeOptions;
  /** Publishes a job to be delivered after `waitMs`. */
  readonly again: (envelope: Envelope<T>, waitMs: number) => Promise<void>;
  readonly copyDead: (job: ReceivedJob<T>, reason: string) => Promise<void>;
  readonly isPaused: () => boolean;
  readonly report: Report;
  /** From 0 to below 1. */
  readonly random: () => number;
}

/** A member of the group of one type of job: which jobs start when, and what becomes of them. */
export class KafkaConsumption<T extends JobType> implements Consumption, MembershipListener {
  private readonly held: HeldPartitions<T>;
  private readonly membership: Membership;
  private readonly ready = new ReadyJobs<T>();
  private readonly running = new Set<Entry<T>>();
  private readonly rate: RateLimit;
  private readonly full = new Set<PartitionWork<T>>();
  /** Jobs that may start before the broker is told of them. */
  private allowance = 0;
  private isCommitting = false;
  private commitTimer: NodeJS.Timeout | null = null;
  private pumpTimer: NodeJS.Timeout | null = null;
  private lastDeliveryAt: string | null = null;
  private isHandingBack = false;
  private stopped: Promise<void> | null = null;
  private onIdle: () => void = () => undefined;

  /** @throws what kafkajs throws when the group cannot be joined */
  static async start<T extends JobType>(parts: ConsumptionParts<T>): Promise<KafkaConsumption<T>> {
    const consumption = new KafkaConsumption(parts);
    await consumption.membership.start();
    return consumption;
  }

  private constructor(private readonly parts: ConsumptionParts<T>) {
    const { type, topics, kafka, admin, prepare, options, report } = parts;
    const shared = { group: topics.group, topics: consumedTopics(topics) };
    this.rate = new RateLimit(options.rateLimit);
    this.held = new HeldPartitions<T>({
      ...shared,
      type,
      admin,
      ordered: new Set(workTopics(topics)),
      onReady: (entry) => this.queueUp(entry),
      onForeign: (where) => this.trouble('foreign message passed over', new Error(where)),
    });
    this.membership = new Membership({ ...shared, kafka, listener: this, prepare, report });
  }

  activity(): ConsumerActivity {
    const { type, options } = this.parts;
    const started = [...this.running].flatMap(({ delivery }) => delivery?.startedAt ?? []);
    return {
      type,
      concurrency: options.concurrency,
      running: this.running.size,
      deadlineMs: options.deadlineMs,
      oldestRunningSince: started.length === 0 ? null : new Date(Math.min(...started)).toISOString(),
      lastDeliveryAt: this.lastDeliveryAt,
    };
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
    for (const { topic, partition } of this.full) this.membership.resume(topic, partition);
    this.full.clear();
    this.commitSoon(0);
  }

  rebalancing(): void {
    void this.handOver().catch(() => undefined);
  }

  lost(): void {
    this.full.clear();
    this.allowance = 0;
    this.held.loseAll();
  }

  async batch(topic: string, partition: number, messages: readonly KafkaMessage[]): Promise<void> {
    try {
      const work = await this.held.take(topic, partition, messages);
      if (work === null) return;
      this.pumpTimer ??= setTimeout(() => this.pump(), GATHER_MS);
      if (work.dirty) this.commitSoon(COMMIT_MS);
      if (work.size >= MOST_IN_HAND) await this.holdBack(work);
    } catch (error) {
      // not awaited: the consumer that calls us is the one to be ended
      this.membership.restart('reading begins anew', error);
    }
  }

  /** One busy partition must not keep the others from being read, nor fill the memory. */
  private async holdBack(work: PartitionWork<T>): Promise<void> {
    for (let waited = 0; waited < FULL_WAIT_MS && work.size >= FEWER_IN_HAND; waited += 10) await sleep(10);
    if (work.size < MOST_IN_HAND || work.lost) return;
    this.full.add(work);
    this.membership.pause(work.topic, work.partition);
  }

  private queueUp(entry: Entry<T>): void {
    const wait = entry.envelope.notBefore - Date.now();
    if (wait <= 0) {
      this.ready.push(entry);
      return;
    }
    entry.timer = setTimeout(
      () => {
        entry.timer = null;
        if (entry.work.lost) return;
        this.queueUp(entry);
        this.pump();
      },
      Math.min(wait, MOST_TIMER_MS),
    ).unref();
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
      if (!entry.noted) {
        if (this.allowance === 0 || entry.work.isCareful(entry)) {
          this.commitSoon(0);
          return;
        }
        this.allowance -= 1;
        // the next is asked for while there is still some left
        if (this.allowance === AHEAD / 2) this.commitSoon(0);
      }
      this.ready.shift();
      this.rate.started(Date.now());
      void this.deliver(entry);
    }
  }

  private canStart(): boolean {
    return (
      this.stopped === null && !this.parts.isPaused() && this.running.size < this.parts.options.concurrency
    );
  }

  private async deliver(entry: Entry<T>): Promise<void> {
    entry.state = 'running';
    entry.work.mark(entry);
    this.running.add(entry);
    this.commitSoon(COMMIT_MS);
    try {
      await this.attempt(entry);
    } catch (error) {
      this.trouble(`delivery of ${entry.envelope.message.jobId}`, error);
    } finally {
      this.running.delete(entry);
      if (this.running.size === 0) this.onIdle();
      this.pump();
    }
  }

  private async attempt(entry: Entry<T>): Promise<void> {
    const { handle, options } = this.parts;
    const { message, failures } = entry.envelope;
    const crashes = crashesOf(entry);
    const received: ReceivedJob<T> = { ...message, attempt: failures + crashes + 1 };
    // a job that has crashed its consumer each time is not given another one to crash
    if (crashes >= options.retry.attempts) return this.bury(entry, received, 'STALLED');
    this.lastDeliveryAt = new Date().toISOString();
    const delivery = new Delivery(options.deadlineMs);
    entry.delivery = delivery;
    const outcome = await delivery.run((signal) =>
      handle(received, { signal, progress: () => Promise.resolve() }),
    );
    entry.delivery = null;
    if (outcome.kind === 'done') {
      this.finish(entry);
      return;
    }
    if (outcome.kind === 'failed') return this.fail(entry, received, outcome.error);
    switch (outcome.code) {
      case 'SHUTDOWN':
        this.unnote(entry);
        return;
      case 'LOCK_LOST':
        // it is somebody else's now: touch nothing
        return;
      case 'DEADLINE_EXCEEDED':
        return this.fail(entry, received, new PastDeadline());
      default:
        return outcome.code satisfies never;
    }
  }

  private async fail(entry: Entry<T>, job: ReceivedJob<T>, error: unknown): Promise<void> {
    const { retry } = this.parts.options;
    if (error instanceof PermanentFailure || job.attempt >= retry.attempts) {
      return this.bury(entry, job, failureCode(error));
    }
    await this.tryAgain(entry, job);
  }

  private async bury(entry: Entry<T>, job: ReceivedJob<T>, reason: string): Promise<void> {
    try {
      await this.parts.options.onDead(job, reason);
      await this.parts.copyDead(job, reason);
    } catch (error) {
      this.trouble(`dead letter of ${job.jobId} not recorded`, error);
      return this.tryAgain(entry, job);
    }
    this.finish(entry);
  }

  /** The next try is on the broker before this one is done: for as long as that takes, the job stays in hand. */
  private async tryAgain(entry: Entry<T>, job: ReceivedJob<T>): Promise<void> {
    const { again, options, random } = this.parts;
    const envelope = { ...entry.envelope, failures: entry.envelope.failures + 1, crashes: crashesOf(entry) };
    for (;;) {
      try {
        await again(envelope, backoff(options.retry, job.attempt, random()));
        this.finish(entry);
        return;
      } catch (error) {
        this.trouble(`next try of ${job.jobId} not published yet`, error);
      }
      if (entry.work.lost) return;
      if (this.isHandingBack) {
        this.unnote(entry);
        return;
      }
      await sleep(RESEND_MS, undefined, { ref: false });
    }
  }

  private finish(entry: Entry<T>): void {
    const { work } = entry;
    if (work.lost) return;
    const next = work.done(entry);
    if (next !== null) this.queueUp(next);
    this.commitSoon(COMMIT_MS);
    if (work.size < FEWER_IN_HAND && this.full.delete(work))
      this.membership.resume(work.topic, work.partition);
  }

  private unnote(entry: Entry<T>): void {
    if (entry.state === 'waiting' && !entry.noted) return;
    entry.work.unmark(entry);
    this.commitSoon(COMMIT_MS);
  }

  private commitSoon(ms: number): void {
    if (ms === 0 && this.commitTimer !== null) {
      clearTimeout(this.commitTimer);
      this.commitTimer = null;
    }
    if (this.isCommitting) return;
    if (ms === 0) void this.commit();
    else this.commitTimer ??= setTimeout(() => void this.commit(), ms);
  }

  /** Tells the broker what is done and what runs, the jobs that are to start next among them; then they start. */
  private async commit(): Promise<void> {
    this.commitTimer = null;
    if (this.isCommitting || this.isHandingBack) return;
    const noting = this.toNote();
    const works = new Set([...this.held].filter((work) => work.dirty));
    for (const { work } of noting) works.add(work);
    if (works.size === 0) return;
    this.isCommitting = true;
    let failed = false;
    try {
      await commitWorks(this.membership, [...works], { noting: new Set(noting) });
      for (const entry of noting) {
        entry.noted = true;
        entry.work.mark(entry);
      }
      this.allowance = this.ready.size > this.parts.options.concurrency ? AHEAD : 0;
    } catch (error) {
      failed = true;
      this.trouble('commit', error);
    }
    this.isCommitting = false;
    if (failed) this.commitSoon(COMMIT_RETRY_MS);
    else {
      this.pump();
      if ([...this.held].some((work) => work.dirty)) this.commitSoon(COMMIT_MS);
    }
  }

  private toNote(): Entry<T>[] {
    if (this.stopped !== null || this.parts.isPaused()) return [];
    const places = this.parts.options.concurrency - this.running.size;
    const count = Math.min(places, this.rate.room(Date.now()));
    return this.ready.first(count).filter(({ noted }) => !noted);
  }

  private async handOver(): Promise<void> {
    const works = [...this.held].filter((work) => work.size > 0 || work.dirty);
    if (works.length > 0) await commitWorks(this.membership, works, { handedOver: true });
  }

  private async drain(timeoutMs: number): Promise<void> {
    if (!(await this.idleWithin(timeoutMs))) {
      this.isHandingBack = true;
      for (const { delivery } of this.running) delivery?.abort('SHUTDOWN');
      await this.idleWithin(ABORT_GRACE_MS + 100);
    }
    this.isHandingBack = true;
    for (const timer of [this.commitTimer, this.pumpTimer]) if (timer !== null) clearTimeout(timer);
    await Promise.race([
      this.handOver().catch(() => undefined),
      sleep(LAST_COMMIT_MS, undefined, { ref: false }),
    ]);
    await Promise.race([this.membership.stop(), sleep(LEAVE_MS, undefined, { ref: false })]);
  }

  private async idleWithin(ms: number): Promise<boolean> {
    if (this.running.size === 0) return true;
    const timeout = new AbortController();
    const idle = new Promise<boolean>((resolve) => (this.onIdle = () => resolve(true)));
    const late = sleep(ms, false, { signal: timeout.signal }).catch(() => false);
    const isIdle = await Promise.race([idle, late]);
    timeout.abort();
    return isIdle;
  }

  private trouble(what: string, error: unknown): void {
    this.parts.report(`${this.parts.topics.group}: ${what}`, error);
  }
}

const crashesOf = ({ envelope, crashes }: Entry): number => envelope.crashes + crashes;

class PastDeadline extends Error {
  readonly code = 'DEADLINE_EXCEEDED';
}
