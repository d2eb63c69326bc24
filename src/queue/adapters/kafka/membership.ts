import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, Consumer, EachBatchPayload, IMemberAssignment, Kafka, KafkaMessage } from 'kafkajs';
import { METADATA_MAX_AGE_MS, RETRY, type Report } from './client.js';
import { KafkaTimeout, within } from './errors.js';
import { commitOf, type Failures, readingOf } from './failures.js';
import { type GroupConsumer, groupConsumer } from './group-consumer.js';
import { stickyAssigner } from './sticky-assigner.js';

/**
 * A consumer that was not heard of for this long is dead to the broker, and its partitions go to others. The least
 * that brokers take by default.
 */
export const SESSION_MS = 6000;
const HEARTBEAT_MS = 500;
/** How long the others wait in a rebalance for a member that does not come back, at most. */
const REBALANCE_MS = 6000;
/** A fetch without anything new comes back after this. */
const MAX_WAIT_MS = 250;
const MAX_BYTES_PER_PARTITION = 512 * 1024;
/** Batches of one fetch are looked at together, so that the urgent ones among them are seen. */
const BATCHES_AT_ONCE = 64;
const JOIN_MS = 25_000;
/** A start waits so long for its place; it is sought on behind it. */
const START_MS = 12_000;
const DISPOSE_MS = 3000;
const [FIRST_BACKOFF_MS, LAST_BACKOFF_MS] = [250, 1500];
/** Joining is taken up again so often while others come and go, before all begins anew. */
const JOIN_RETRIES = 6;

export type Assignment = Readonly<Record<string, readonly number[]>>;

export interface TopicCommit {
  readonly topic: string;
  readonly partitions: { partition: number; offset: string; metadata: string }[];
}

export interface MembershipListener {
  /** The partitions that are ours from now on; those that were and still are have been ours all the time. */
  assigned(assignment: Assignment): void;
  /** Partitions may go to others now: the last moment to commit. */
  rebalancing(): void;
  /** Nothing is ours any more. */
  lost(): void;
  batch(topic: string, partition: number, messages: readonly KafkaMessage[]): Promise<void>;
}

export interface MembershipParts {
  readonly kafka: Kafka;
  /** The same Kafka, where the names of members end in a mark. */
  readonly marked: (mark: string) => Kafka;
  readonly admin: Admin;
  readonly group: string;
  readonly topics: readonly string[];
  readonly listener: MembershipListener;
  /** Makes topics that have gone. */
  readonly prepare: () => Promise<void>;
  readonly failures: Failures;
  readonly report: Report;
}

/**
 * A place in a consumer group that is kept: whatever ends a consumer of kafkajs, a new one takes its place, for as
 * long as it takes. It is watched by its heartbeats, for a consumer that says nothing is worse than one that ended.
 */
export class Membership {
  private consumer: GroupConsumer | null = null;
  private commitNow: EachBatchPayload['commitOffsetsIfNecessary'] | null = null;
  private memberId = '';
  private assignment: Assignment = {};
  private heardAt = 0;
  private late = 0;
  private isRebalancing = false;
  private isStarting = true;
  private isSweeping = false;
  private stopped: Promise<void> | null = null;
  private readonly watch: NodeJS.Timeout;

  constructor(private readonly parts: MembershipParts) {
    this.watch = setInterval(() => this.look(), 1000).unref();
  }

  /**
   * Resolves when it has its first partitions, or after twelve seconds in which others came and went: it is sought on
   * then, and readiness tells of it.
   * @throws what kafkajs throws where waiting does not help
   */
  async start(): Promise<void> {
    const entering = this.enter();
    try {
      await Promise.race([entering, sleep(START_MS, undefined, { ref: false })]);
    } catch (error) {
      await this.stop();
      throw error;
    } finally {
      this.isStarting = false;
    }
    if (this.heardAt === 0) this.parts.failures.away(this.parts.group, new KafkaTimeout('join', START_MS));
  }

  /** Rejects where the group has moved on; never repeated by itself, for a late one would overwrite another's. */
  async commit(topics: TopicCommit[]): Promise<void> {
    if (this.commitNow === null) throw new Error('nothing was read yet');
    const { failures, group } = this.parts;
    await failures.watch(commitOf(group), within(SESSION_MS, 'commit', this.commitNow({ topics })));
  }

  pause(topic: string, partition: number): void {
    this.consumer?.pause([{ topic, partitions: [partition] }]);
  }

  resume(topic: string, partition: number): void {
    this.consumer?.resume([{ topic, partitions: [partition] }]);
  }

  /** Gives up the place and takes a new one. */
  restart(why: string, error: unknown): void {
    const { consumer } = this;
    if (consumer === null || this.stopped !== null) return;
    this.parts.report(`${this.parts.group}: ${why}`, error);
    this.leave();
    void this.comeBack(consumer);
  }

  /** Leaves the group, within three seconds. Idempotent; never rejects. */
  stop(): Promise<void> {
    this.stopped ??= (async () => {
      clearInterval(this.watch);
      const { consumer, parts } = this;
      this.leave();
      if (consumer !== null) await this.dispose(consumer);
      for (const what of [readingOf(parts.group), commitOf(parts.group)]) parts.failures.went(what);
    })();
    return this.stopped;
  }

  private async join(): Promise<void> {
    const { kafka, marked, admin, group, topics } = this.parts;
    const config = {
      groupId: group,
      metadataMaxAge: METADATA_MAX_AGE_MS,
      sessionTimeout: SESSION_MS,
      rebalanceTimeout: REBALANCE_MS,
      heartbeatInterval: HEARTBEAT_MS,
      maxWaitTimeInMs: MAX_WAIT_MS,
      maxBytesPerPartition: MAX_BYTES_PER_PARTITION,
      allowAutoTopicCreation: false,
      partitionAssigners: [stickyAssigner(() => this.assignment)],
      retry: { ...RETRY, retries: JOIN_RETRIES },
    };
    const consumer = groupConsumer({ kafka, marked, admin, config });
    this.consumer = consumer;
    const crash = this.listenTo(consumer);
    const joining = async (): Promise<void> => {
      await consumer.connect();
      await consumer.subscribe({ topics: [...topics], fromBeginning: true });
      await consumer.sweep();
      await consumer.run({
        autoCommit: false,
        partitionsConsumedConcurrently: BATCHES_AT_ONCE,
        eachBatch: (payload) => this.take(consumer, payload),
      });
    };
    try {
      await within(JOIN_MS, 'join of the group', joining());
      if (crash.error !== null) throw crash.error;
    } catch (error) {
      if (this.consumer === consumer) this.leave();
      void this.dispose(consumer);
      throw error;
    }
  }

  private listenTo(consumer: Consumer): { error: Error | null } {
    const crash: { error: Error | null } = { error: null };
    const { events } = consumer;
    consumer.on(events.CRASH, ({ payload }) => {
      crash.error = payload.error;
      if (this.consumer === consumer && this.heardAt > 0) this.broken('consumer ended', payload.error);
    });
    consumer.on(events.REBALANCING, () => {
      if (this.consumer !== consumer) return;
      this.isRebalancing = true;
      this.parts.listener.rebalancing();
    });
    consumer.on(events.HEARTBEAT, () => this.heard(consumer));
    consumer.on(events.FETCH, () => {
      if (this.consumer === consumer) this.parts.failures.went(readingOf(this.parts.group));
    });
    consumer.on(events.GROUP_JOIN, ({ payload }) => {
      if (this.consumer === consumer) this.joined(payload.memberId, payload.memberAssignment);
    });
    return crash;
  }

  private joined(memberId: string, assignment: IMemberAssignment): void {
    this.heardAt = Date.now();
    this.late = 0;
    this.isRebalancing = false;
    // what could not be committed before is somebody's work again now
    this.parts.failures.went(commitOf(this.parts.group));
    // under another name we were out meanwhile, and others may have had what is ours again now
    if (this.memberId !== '' && this.memberId !== memberId) this.beginAnew();
    this.memberId = memberId;
    this.assignment = assignment;
    this.parts.listener.assigned(assignment);
  }

  /** kafkajs keeps what was paused over the loss of a place; whoever paused it knows nothing of it any more. */
  private beginAnew(): void {
    this.parts.listener.lost();
    this.consumer?.resume(this.parts.topics.map((topic) => ({ topic })));
  }

  private async take(consumer: Consumer, payload: EachBatchPayload): Promise<void> {
    if (this.consumer !== consumer || !payload.isRunning() || payload.isStale()) return;
    this.commitNow = (offsets) => payload.commitOffsetsIfNecessary(offsets);
    const { topic, partition, messages } = payload.batch;
    await this.parts.listener.batch(topic, partition, messages);
  }

  private heard(consumer: Consumer): void {
    if (this.consumer !== consumer) return;
    this.heardAt = Date.now();
    this.late = 0;
  }

  private look(): void {
    void this.sweep();
    if (this.heardAt === 0) return;
    const patience = this.isRebalancing ? SESSION_MS + REBALANCE_MS : SESSION_MS;
    if (Date.now() - this.heardAt < patience) return;
    this.late += 1;
    // the look right after a sleep comes before the answer to the heartbeat that is on its way
    if (this.late > 1) this.broken('no heartbeat came through', new KafkaTimeout('heartbeat', patience));
  }

  /** Also while it has no place yet: one that died in the middle of a rebalance holds up all. */
  private async sweep(): Promise<void> {
    if (this.isSweeping || this.consumer === null) return;
    this.isSweeping = true;
    await this.consumer.sweep();
    this.isSweeping = false;
  }

  private leave(): void {
    this.consumer = null;
    this.commitNow = null;
    this.heardAt = 0;
    this.memberId = '';
    this.assignment = {};
    this.isRebalancing = false;
    this.parts.listener.lost();
  }

  private async comeBack(old: Consumer): Promise<void> {
    await this.dispose(old);
    await sleep(FIRST_BACKOFF_MS, undefined, { ref: false });
    if (!this.isStopped()) await this.parts.prepare().catch(() => undefined);
    await this.enter();
  }

  /**
   * Seeks a place until there is one.
   * @throws during the start alone, and then where waiting does not help
   */
  private async enter(): Promise<void> {
    const { failures, group, report, prepare } = this.parts;
    for (let wait = FIRST_BACKOFF_MS; !this.isStopped(); wait = Math.min(2 * wait, LAST_BACKOFF_MS)) {
      try {
        await this.join();
        // stopped meanwhile: nobody else knows of this consumer
        if (this.isStopped()) this.leave();
        return;
      } catch (error) {
        if (this.isStopped()) return;
        if (this.isStarting && !failures.passes(error)) throw error;
        failures.away(group, error);
        report(`${group}: no place yet`, error);
      }
      await sleep(wait, undefined, { ref: false });
      if (!this.isStopped()) await prepare().catch((error: unknown) => failures.away(group, error));
    }
  }

  private broken(why: string, error: Error): void {
    this.parts.failures.away(this.parts.group, error);
    this.restart(why, error);
  }

  private isStopped(): boolean {
    return this.stopped !== null;
  }

  private async dispose(consumer: Consumer): Promise<void> {
    await within(DISPOSE_MS, 'leaving the group', consumer.disconnect()).catch((error: unknown) =>
      this.parts.report(`${this.parts.group}: not left in order`, error),
    );
  }
}
