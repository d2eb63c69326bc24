import { randomUUID } from 'node:crypto';
import type { Admin, Kafka, KafkaMessage } from 'kafkajs';
import type { Report } from './client.js';
import { KafkaTimeout, within } from './errors.js';
import { Membership } from './membership.js';
import { endsOf } from './topics.js';

const CAUGHT_UP_MS = 10_000;

export interface TailParts {
  readonly kafka: Kafka;
  readonly admin: Admin;
  /** Prefix of the group's name; this process is its only member, and it never commits. */
  readonly name: string;
  /** Of one partition each. */
  readonly topics: readonly string[];
  readonly prepare: () => Promise<void>;
  readonly report: Report;
  /** Called in order for each record, from the first that is kept. */
  readonly onRecord: (topic: string, key: string, value: string | null) => void;
  /** What was told of this topic, or of all, does not hold any more: it is told again. */
  readonly onReset: (topic: string | null) => void;
  readonly onChange: () => void;
}

/** Reads small topics from their beginning and goes on reading; begun when it is first needed. */
export class Tail {
  private membership: Membership | null = null;
  private starting: Promise<void> | null = null;
  private readonly positions = new Map<string, number>();
  private readonly waiting = new Set<() => void>();
  private isClosed = false;

  constructor(private readonly parts: TailParts) {}

  /**
   * Resolves when everything that the topics hold now has been told.
   * @throws Error when the broker does not answer
   */
  async caughtUp(): Promise<void> {
    await this.start();
    const { admin, topics } = this.parts;
    const ends = await within(
      CAUGHT_UP_MS,
      'ends of topics',
      Promise.all(topics.map(async (topic) => ({ topic, ends: await endsOf(admin, topic) }))),
    );
    const isReached = (): boolean =>
      ends.every(
        ({ topic, ends: [only] }) =>
          only === undefined || only.high === only.low || (this.positions.get(topic) ?? 0) >= only.high,
      );
    const until = Date.now() + CAUGHT_UP_MS;
    while (!isReached()) {
      if (Date.now() > until || this.isClosed) throw new KafkaTimeout('reading what is there', CAUGHT_UP_MS);
      await this.news();
    }
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.starting?.catch(() => undefined);
    await this.membership?.stop();
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
    const { kafka, name, topics, prepare, report, onReset } = this.parts;
    this.membership = new Membership({
      ...{ kafka, topics, prepare, report },
      group: `${name}-view-${randomUUID()}`,
      listener: {
        assigned: () => undefined,
        rebalancing: () => undefined,
        lost: () => {
          this.positions.clear();
          onReset(null);
        },
        batch: (topic, _partition, messages) => {
          this.read(topic, messages);
          return Promise.resolve();
        },
      },
    });
    await this.membership.start();
  }

  private read(topic: string, messages: readonly KafkaMessage[]): void {
    const { onRecord, onReset, onChange } = this.parts;
    for (const { offset, key, value } of messages) {
      const at = Number(offset);
      // the topic was made anew
      if (at < (this.positions.get(topic) ?? 0)) onReset(topic);
      this.positions.set(topic, at + 1);
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
