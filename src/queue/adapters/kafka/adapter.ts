import type { Admin, ITopicConfig, Kafka, Producer } from 'kafkajs';
import type { KafkaSettings } from '../../../config/kafka.js';
import {
  type ConsumeOptions,
  type ConsumerActivity,
  type Consumption,
  type DeadLetters,
  JOB_TYPES,
  type JobHandler,
  JobQueue,
  type JobType,
  type NewJob,
  type QueueCounts,
  type QueueFigures,
} from '../../job-queue.js';
import { toMessage } from '../../message.js';
import { CAPABILITIES } from './capabilities.js';
import type { Report } from './client.js';
import { KafkaConsumption } from './consumption.js';
import { KafkaDeadLetters } from './dead-letters.js';
import { within } from './errors.js';
import type { Failures } from './failures.js';
import { channelsOf, countsOf, partitionStates } from './figures.js';
import { type Outgoing, Publisher } from './publisher.js';
import { type Envelope, toRecord } from './record.js';
import { replay, type ReplayFrom } from './replay.js';
import { Tail } from './tail.js';
import { controlTopic, createTopics, PAUSED_KEY, retryTopic, topicConfigs, typeTopics } from './topics.js';

const CLOSE_TIMEOUT_MS = 10_000;
const DISCONNECT_MS = 2000;
const ANSWER_MS = 5000;
const PREPARE_MS = 15_000;

export interface KafkaParts {
  /** Prefix of all topics and groups. */
  readonly name: string;
  readonly settings: KafkaSettings;
  readonly kafka: Kafka;
  /** The same Kafka, where the names of members end in a mark. */
  readonly marked: (mark: string) => Kafka;
  /** Connected. */
  readonly admin: Admin;
  /** Connected. */
  readonly producer: Producer;
  readonly failures: Failures;
  readonly report: Report;
  /** From 0 to below 1, for the jitter. */
  readonly random: () => number;
}

/** The queue on Kafka: a topic for each priority of each type of job, one group of consumers for each type. */
export class KafkaJobQueue extends JobQueue {
  readonly capabilities = CAPABILITIES;
  readonly deadLetters: DeadLetters;
  private readonly dead: KafkaDeadLetters;
  private readonly tail: Tail;
  private readonly publisher: Publisher;
  private readonly configs: readonly ITopicConfig[];
  private readonly consumptions = new Set<Pick<KafkaConsumption<JobType>, 'stop' | 'activity' | 'wake'>>();
  private isPaused = false;
  private closed: Promise<void> | null = null;

  constructor(private readonly parts: KafkaParts) {
    super();
    const { name, settings, kafka, marked, admin, producer, failures, report } = parts;
    const prepare = (): Promise<void> => this.prepare();
    this.configs = topicConfigs(name, settings);
    this.publisher = new Publisher({ producer, failures, prepare });
    this.tail = new Tail({
      ...{ kafka, marked, admin, name, prepare, failures, report },
      topics: [controlTopic(name), ...JOB_TYPES.map((type) => typeTopics(name, type).dead)],
      onRecord: (topic, key, value) => this.read(topic, key, value),
      onReset: () => this.dead.forget(),
      onChange: () => this.consumptions.forEach((consumption) => consumption.wake()),
    });
    this.dead = new KafkaDeadLetters(name, this.tail, (records) => this.publisher.send(records));
    this.deadLetters = {
      list: (limit) => this.ask(() => this.dead.list(limit)),
      remove: (jobId) => this.ask(() => this.dead.remove(jobId)),
    };
  }

  async publish(jobs: readonly NewJob[]): Promise<void> {
    this.assertOpen();
    const now = new Date();
    const envelopes = jobs.map((job) => ({ message: toMessage(job, now), job }));
    await this.publisher.send(
      envelopes.map(({ message, job: { priority = 'normal', delayMs = 0 } }) =>
        this.outgoing({ message, priority, failures: 0, crashes: 0, notBefore: 0 }, delayMs),
      ),
    );
  }

  async consume<T extends JobType>(
    type: T,
    handle: JobHandler<T>,
    options: ConsumeOptions,
  ): Promise<Consumption> {
    this.assertOpen();
    const { name, kafka, marked, admin, failures, report, random } = this.parts;
    try {
      // whether it is paused is known before the first job
      await this.tail.caughtUp();
      const consumption = await KafkaConsumption.start({
        ...{ type, kafka, marked, admin, handle, options, failures, report, random },
        topics: typeTopics(name, type),
        prepare: () => this.prepare(),
        again: (envelope, waitMs) => this.publisher.send([this.outgoing(envelope, waitMs)]),
        copyDead: (job, reason) => this.dead.copy(job, reason),
        isPaused: () => this.isPaused,
      });
      this.consumptions.add(consumption);
      return {
        stop: async (timeoutMs) => {
          await consumption.stop(timeoutMs);
          this.consumptions.delete(consumption);
        },
      };
    } catch (error) {
      throw failures.named(error);
    }
  }

  async counts(): Promise<QueueCounts> {
    const [admit, fulfil] = await this.ask(async () => {
      await this.tail.caughtUp();
      return Promise.all([this.countType('booking.admit'), this.countType('booking.fulfil')]);
    });
    return { paused: this.isPaused, types: { 'booking.admit': admit, 'booking.fulfil': fulfil } };
  }

  async figures(): Promise<QueueFigures> {
    const { admin, name } = this.parts;
    const of = (type: JobType) => channelsOf(admin, type, typeTopics(name, type), this.dead.count(type));
    const [admit, fulfil] = await this.ask(async () => {
      await this.tail.caughtUp();
      return Promise.all([of('booking.admit'), of('booking.fulfil')]);
    });
    return {
      technology: 'kafka',
      version: null,
      channels: [...admit.channels, ...fulfil.channels],
      workers: { 'booking.admit': admit.members, 'booking.fulfil': fulfil.members },
    };
  }

  activity(): readonly ConsumerActivity[] {
    return [...this.consumptions].map((consumption) => consumption.activity());
  }

  pause(): Promise<void> {
    return this.setPaused(true);
  }

  resume(): Promise<void> {
    return this.setPaused(false);
  }

  /**
   * Publishes again what the topics of work still hold from there on. Safe beside running consumers: a message is a
   * hint, and one for a booking that is settled does nothing.
   * @returns how many jobs were published
   */
  replay(type: JobType, from: ReplayFrom): Promise<number> {
    const { kafka, admin, name } = this.parts;
    return this.ask(() =>
      replay({ kafka, admin, type, topics: typeTopics(name, type) }, from, (envelopes) =>
        this.publisher.send(envelopes.map((envelope) => this.outgoing(envelope, 0))),
      ),
    );
  }

  async ping(): Promise<void> {
    const { admin, failures } = this.parts;
    await this.ask(() => within(ANSWER_MS, 'metadata', admin.describeCluster()));
    // what was refused last is tried again: it may be long until the next job goes there
    const refused = this.configs.filter(({ topic }) => failures.of(topic) !== null);
    await Promise.all(refused.map(({ topic }) => this.publisher.probe(topic)));
    failures.assertNone();
  }

  close(): Promise<void> {
    this.closed ??= this.shutDown();
    return this.closed;
  }

  private async shutDown(): Promise<void> {
    await Promise.all([...this.consumptions].map((consumption) => consumption.stop(CLOSE_TIMEOUT_MS)));
    const { admin, producer, report } = this.parts;
    const all = [this.tail.close(), producer.disconnect(), admin.disconnect()];
    for (const work of all) {
      await within(DISCONNECT_MS, 'disconnect', work).catch((error: unknown) => report('Kafka', error));
    }
  }

  private async setPaused(isPaused: boolean): Promise<void> {
    this.assertOpen();
    const message = { key: PAUSED_KEY, value: isPaused ? '1' : '0', partition: 0 };
    await this.publisher.send([{ topic: controlTopic(this.parts.name), message }]);
    await this.ask(() => this.tail.caughtUp());
  }

  private read(topic: string, key: string, value: string | null): void {
    if (topic !== controlTopic(this.parts.name)) this.dead.read(topic, key, value);
    else if (key === PAUSED_KEY) this.isPaused = value === '1';
  }

  private outgoing(envelope: Envelope, waitMs: number): Outgoing {
    const topics = typeTopics(this.parts.name, envelope.message.type);
    if (waitMs <= 0) return { topic: topics.work[envelope.priority], message: toRecord(envelope) };
    const notBefore = Date.now() + waitMs;
    return { topic: retryTopic(topics, waitMs), message: toRecord({ ...envelope, notBefore }) };
  }

  private async countType(type: JobType) {
    const topics = typeTopics(this.parts.name, type);
    return countsOf(topics, await partitionStates(this.parts.admin, topics), this.dead.count(type));
  }

  private prepare(): Promise<void> {
    return within(PREPARE_MS, 'topics', createTopics(this.parts.kafka, this.configs));
  }

  /** @throws BrokerError */
  private async ask<R>(work: () => Promise<R>): Promise<R> {
    this.assertOpen();
    try {
      return await work();
    } catch (error) {
      throw this.parts.failures.named(error);
    }
  }

  private assertOpen(): void {
    if (this.closed !== null) throw new Error('The queue is closed');
  }
}
