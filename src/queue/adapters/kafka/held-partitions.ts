import type { Admin, KafkaMessage } from 'kafkajs';
import type { JobType } from '../../job-queue.js';
import { within } from './errors.js';
import type { Assignment, Membership, TopicCommit } from './membership.js';
import { decodeNote } from './offset-note.js';
import { type Entry, PartitionWork } from './partition-work.js';
import { fromRecord } from './record.js';
import { committedBy, PROBE_KEY } from './topics.js';

const LOAD_MS = 5000;

export interface HeldParts<T extends JobType> {
  readonly type: T;
  readonly group: string;
  readonly topics: readonly string[];
  /** Of those, the ones whose jobs keep their order. */
  readonly ordered: ReadonlySet<string>;
  readonly admin: Admin;
  readonly onReady: (entry: Entry<T>) => void;
  readonly onForeign: (where: string) => void;
}

/** The partitions that are ours now, and what is in hand of each. */
export class HeldPartitions<T extends JobType> {
  private readonly works = new Map<string, PartitionWork<T>>();
  private loading: Promise<void> = Promise.resolve();

  constructor(private readonly parts: HeldParts<T>) {}

  [Symbol.iterator](): Iterator<PartitionWork<T>> {
    return this.works.values();
  }

  get(topic: string, partition: number): PartitionWork<T> | undefined {
    return this.works.get(keyOf(topic, partition));
  }

  /** What was ours and still is goes on; what is new is begun where the consumer before us ended. */
  assign(assignment: Assignment): void {
    const mine = Object.entries(assignment).flatMap(([topic, list]) =>
      list.map((partition) => [topic, partition] as const),
    );
    const keys = new Set(mine.map(([topic, partition]) => keyOf(topic, partition)));
    for (const [key, work] of this.works) if (!keys.has(key)) this.lose(key, work);
    const fresh = mine
      .filter(([topic, partition]) => !this.works.has(keyOf(topic, partition)))
      .map(([topic, partition]) => new PartitionWork<T>(topic, partition, this.parts.ordered.has(topic)));
    for (const work of fresh) this.works.set(keyOf(work.topic, work.partition), work);
    if (fresh.length > 0) this.loading = this.load(fresh);
    // looked at when the first batch comes
    this.loading.catch(() => undefined);
  }

  /** Nothing is ours any more: what runs is aborted. */
  loseAll(): void {
    for (const [key, work] of this.works) this.lose(key, work);
  }

  /**
   * Takes what was read. Null: it is not ours any more.
   * @throws Error where what the broker says cannot be, so that all must be read afresh
   */
  async take(
    topic: string,
    partition: number,
    messages: readonly KafkaMessage[],
  ): Promise<PartitionWork<T> | null> {
    await this.loading;
    const work = this.get(topic, partition);
    if (work === undefined) return null;
    for (const message of messages) {
      const offset = Number(message.offset);
      if (!work.isOurs(offset)) throw new Error(`${topic} was made anew, or its offsets were set back`);
      this.add(work, offset, message);
    }
    return work;
  }

  private add(work: PartitionWork<T>, offset: number, message: KafkaMessage): void {
    const envelope = fromRecord(this.parts.type, message);
    if (envelope === null) {
      if (!isProbe(message)) {
        this.parts.onForeign(`${work.topic}, partition ${work.partition}, offset ${offset}`);
      }
      work.skip(offset);
      return;
    }
    const added = work.add(offset, message.key?.toString('utf8') ?? null, envelope);
    if (added?.isReady === true) this.parts.onReady(added.entry);
  }

  private async load(fresh: readonly PartitionWork<T>[]): Promise<void> {
    const { admin, group, topics } = this.parts;
    const found = await within(LOAD_MS, 'offsets', committedBy(admin, { group }, topics));
    const byKey = new Map(
      found.flatMap(({ topic, partitions }) =>
        partitions.map(({ partition, offset, metadata }) => [keyOf(topic, partition), { offset, metadata }]),
      ),
    );
    for (const work of fresh) {
      const { offset = '-1', metadata = null } = byKey.get(keyOf(work.topic, work.partition)) ?? {};
      work.begin(Number(offset), decodeNote(Number(offset), metadata));
    }
  }

  private lose(key: string, work: PartitionWork<T>): void {
    this.works.delete(key);
    work.lost = true;
    for (const entry of work.entries()) {
      if (entry.timer !== null) clearTimeout(entry.timer);
      entry.delivery?.abort('LOCK_LOST');
    }
  }
}

/** Commits what is done of some partitions, with the notes beside. */
export async function commitWorks<T extends JobType>(
  membership: Membership,
  works: readonly PartitionWork<T>[],
  {
    noting = new Set(),
    handedOver = false,
  }: { readonly noting?: ReadonlySet<Entry<T>>; readonly handedOver?: boolean } = {},
): Promise<void> {
  const commits = works.map((work) => ({ work, ...work.commit(noting, handedOver) }));
  for (const { work } of commits) work.dirty = handedOver;
  const byTopic = new Map<string, TopicCommit['partitions']>();
  for (const { work, offset, metadata } of commits) {
    const list = byTopic.get(work.topic) ?? [];
    byTopic.set(work.topic, list);
    list.push({ partition: work.partition, offset: String(offset), metadata });
  }
  try {
    await membership.commit([...byTopic].map(([topic, partitions]) => ({ topic, partitions })));
    for (const { work, offset } of commits) work.committed = Math.max(work.committed, offset);
  } catch (error) {
    for (const { work } of commits) work.dirty = true;
    throw error;
  }
}

/** What readiness writes where a message was refused before. */
const isProbe = ({ key }: KafkaMessage): boolean => key?.toString('utf8') === PROBE_KEY;

const keyOf = (topic: string, partition: number): string => `${topic}/${partition}`;
