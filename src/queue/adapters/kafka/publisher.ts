import type { Message, Producer } from 'kafkajs';
import { BrokerError } from '../../broker-error.js';
import { isTopicGone, within } from './errors.js';
import type { Failures } from './failures.js';
import { PROBE_KEY } from './topics.js';

export interface Outgoing {
  readonly topic: string;
  readonly message: Message;
}

const MOST_IN_A_BATCH = 1000;
/** More are refused: a broker that is slow must not fill the memory of who publishes. */
const MOST_WAITING = 50_000;
/** A caller is told after this, whatever the broker does. */
const GIVE_UP_MS = 8000;
const ACKNOWLEDGE_MS = 4000;
const PROBE_MS = 5000;

interface Waiting {
  readonly records: readonly Outgoing[];
  readonly since: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export interface PublisherParts {
  readonly producer: Producer;
  readonly failures: Failures;
  /** Makes topics that have gone. */
  readonly prepare: () => Promise<void>;
}

/**
 * Sends in batches: what arrives while one batch is under way is the next. No timer, and no wait when idle. One batch
 * at a time, so that a repetition never overtakes.
 */
export class Publisher {
  private waiting: Waiting[] = [];
  private count = 0;
  private isSending = false;

  constructor(private readonly parts: PublisherParts) {}

  /** Resolves when every in-sync replica has them. @throws BrokerError within seconds */
  async send(records: readonly Outgoing[]): Promise<void> {
    if (records.length === 0) return;
    const { failures } = this.parts;
    if (this.count + records.length > MOST_WAITING && this.count > 0) {
      throw new BrokerError('BROKER_FAILED', failures.broker, `${this.count} messages wait to be taken`);
    }
    this.count += records.length;
    const held = new Promise<void>((resolve, reject) => {
      this.waiting.push({ records, since: Date.now(), resolve, reject });
    });
    if (!this.isSending) void this.sendAll();
    try {
      await within(GIVE_UP_MS, 'publish', held);
    } catch (error) {
      throw failures.named(error);
    }
  }

  /** Writes what nobody reads, to learn whether the topic takes a message; `Failures` is told. Never rejects. */
  async probe(topic: string): Promise<void> {
    const { producer, failures } = this.parts;
    const messages = [{ key: PROBE_KEY, value: null, partition: 0 }];
    const sending = producer.send({ topic, acks: -1, timeout: ACKNOWLEDGE_MS, messages });
    await failures.watch(topic, within(PROBE_MS, 'probe', sending)).catch(() => undefined);
  }

  private async sendAll(): Promise<void> {
    this.isSending = true;
    // what is published in the same turn goes together
    await Promise.resolve();
    while (this.waiting.length > 0) {
      const batch = this.nextBatch();
      const records = batch.flatMap((item) => item.records);
      try {
        for (let from = 0; from < records.length; from += MOST_IN_A_BATCH) {
          await this.sendBatch(records.slice(from, from + MOST_IN_A_BATCH));
        }
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      } finally {
        this.count -= records.length;
      }
    }
    this.isSending = false;
  }

  /** Callers' batches are not split over sendings where they fit; whoever has given up is passed over. */
  private nextBatch(): Waiting[] {
    const batch: Waiting[] = [];
    let size = 0;
    while (this.waiting.length > 0) {
      const next = this.waiting[0];
      if (next === undefined || (size > 0 && size + next.records.length > MOST_IN_A_BATCH)) break;
      this.waiting.shift();
      if (Date.now() - next.since > GIVE_UP_MS) {
        this.count -= next.records.length;
        continue;
      }
      batch.push(next);
      size += next.records.length;
    }
    return batch;
  }

  private async sendBatch(records: readonly Outgoing[]): Promise<void> {
    const byTopic = new Map<string, Message[]>();
    for (const { topic, message } of records) {
      const messages = byTopic.get(topic);
      if (messages === undefined) byTopic.set(topic, [message]);
      else messages.push(message);
    }
    const topicMessages = [...byTopic].map(([topic, messages]) => ({ topic, messages }));
    const send = (): Promise<unknown> =>
      within(
        GIVE_UP_MS,
        'produce',
        this.parts.producer.sendBatch({ acks: -1, timeout: ACKNOWLEDGE_MS, topicMessages }),
      );
    try {
      await send().catch(async (error: unknown) => {
        if (!isTopicGone(error)) throw error;
        await this.parts.prepare();
        await send();
      });
      for (const topic of byTopic.keys()) this.parts.failures.went(topic);
    } catch (error) {
      for (const topic of byTopic.keys()) this.parts.failures.failed(topic, error);
      throw error;
    }
  }
}
