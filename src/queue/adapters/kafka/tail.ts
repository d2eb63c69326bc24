import { randomUUID } from 'node:crypto';
import type { Admin, Kafka, KafkaMessage } from 'kafkajs';
import type { Report } from './client.js';
import { KafkaTimeout, within } from './errors.js';
import { type Failures, readingOf } from './failures.js';
import { Membership } from './membership.js';
import { endsOf } from './topics.js';

const CAUGHT_UP_MS = 10_000;

export interface TailParts {
  readonly kafka: Kafka;
  readonly marked: (mark: string) => Kafka;
  readonly admin: Admin;
  /** Prefix of the group's name; this process is its only member, and it never commits. */
  readonly name: string;
  readonly topics: readonly string[];
  readonly prepare: () => Promise<void>;
  readonly failures: Failures;
  readonly report: Report;
  /** Called for each record, from the first that is kept; in order within a partition. */
  readonly onRecord: (topic: string, key: string, value: string | null) => void;
  /** What was told does not hold any more: all is told again. */
  readonly onReset: () => void;
  readonly onChange: () => void;
}

/** Reads small topics from their beginning and goes on reading; begun when it is first needed. */
export class Tail {
  private membership: Membership | null = null;
  private starting: Promise<void> | null = null;
  private readonly group: string;
  /** The next offset of each partition. */
  private readonly positions = new Map<string, number>();
  private readonly waiting = new Set<() => void>();
  private isClosed = false;

  constructor(private readonly parts: TailParts) {
    this.group = `${parts.name}-view-${randomUUID()}`;
  }

  /**
   * Resolves when everything that the topics hold now has been told.
   * @throws Error when the broker does not answer, BrokerError when it does not allow to read
   */
  async caughtUp(): Promise<void> {
    await this.start();
    const ends = await within(CAUGHT_UP_MS, 'ends of topics', this.ends());
    const isReached = (): boolean =>
      ends.every(({ where, low, high }) => high === low || (this.positions.get(where) ?? 0) >= high);
    const until = Date.now() + CAUGHT_UP_MS;
    while (!isReached()) {
      const failure = this.parts.failures.of(readingOf(this.group));
      if (failure?.code === 'BROKER_NOT_AUTHORIZED') throw failure;
      if (Date.now() > until || this.isClosed) throw new KafkaTimeout('reading what is there', CAUGHT_UP_MS);
      await this.news();
    }
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.starting?.catch(() => undefined);
    await this.membership?.stop();
  }

  private async ends(): Promise<{ where: string; low: number; high: number }[]> {
    const { admin, topics } = this.parts;
    const ofTopic = async (topic: string) => {
      const ends = await endsOf(admin, topic);
      return ends.map(({ partition, low, high }) => ({ where: whereOf(topic, partition), low, high }));
    };
    return (await Promise.all(topics.map(ofTopic))).flat();
  }

  private start(): Promise<void> {
    if (this.isClosed) return Promise.reject(new Error('The queue is closed'));
    this.starting ??= this.join().catch((error: unknown) => {
      this.starting = null;
      throw error;
    });
    return this.starting;
  }

  private async join(): Promise<void> {
    const { kafka, marked, admin, topics, prepare, failures, report } = this.parts;
    this.membership = new Membership({
      ...{ kafka, marked, admin, topics, prepare, failures, report },
      group: this.group,
      listener: {
        // nothing is ever committed: each assignment is read from the beginning
        assigned: () => this.reset(),
        rebalancing: () => undefined,
        lost: () => this.reset(),
        batch: (topic, partition, messages) => {
          this.read(topic, partition, messages);
          return Promise.resolve();
        },
      },
    });
    await this.membership.start();
  }

  private reset(): void {
    this.positions.clear();
    this.parts.onReset();
  }

  private read(topic: string, partition: number, messages: readonly KafkaMessage[]): void {
    const { onRecord, onChange } = this.parts;
    const where = whereOf(topic, partition);
    for (const { offset, key, value } of messages) {
      const at = Number(offset);
      if (at < (this.positions.get(where) ?? 0)) {
        this.membership?.restart('reading begins anew', new Error(`${topic} was made anew`));
        return;
      }
      this.positions.set(where, at + 1);
      onRecord(topic, key?.toString('utf8') ?? '', value?.toString('utf8') ?? null);
    }
    onChange();
    for (const wake of this.waiting) wake();
  }

  /** Resolves when something was read, or a while later. */
  private async news(): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, 200);
      this.waiting.add(wake);
    });
  }
}

const whereOf = (topic: string, partition: number): string => `${topic}/${partition}`;
