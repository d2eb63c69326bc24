import type { Admin, FetchOffsetsPartition, ITopicConfig, Kafka } from 'kafkajs';
import type { KafkaSettings } from '../../../config/kafka.js';
import { JOB_TYPES, type JobPriority, type JobType } from '../../job-queue.js';
import { patiently } from './errors.js';

export const PRIORITIES = ['high', 'normal', 'low'] as const satisfies readonly JobPriority[];

/**
 * Jobs that are not due yet wait in the topic of the longest wait that is theirs or more; a topic is read in its
 * order, so that a long wait before it never holds up a short one for longer than its own topic's bound.
 */
export const TIERS = [
  { name: '10s', upToMs: 10_000 },
  { name: '10m', upToMs: 600_000 },
  { name: 'long', upToMs: Number.POSITIVE_INFINITY },
] as const;

const WORD: Readonly<Record<JobType, string>> = { 'booking.admit': 'admit', 'booking.fulfil': 'fulfil' };
/** A dead letter's copy is kept for 30 days. */
const DEAD_KEPT_MS = 30 * 86_400_000;
/** Retries are few: they do not need the breadth of the work. */
const MOST_RETRY_PARTITIONS = 3;
const CREATE_TIMEOUT_MS = 10_000;
/** A cluster that moves is asked again for so long. */
const MOVING_MS = 3000;

/** The topics of one type of job, and the group that works on them. */
export interface TypeTopics {
  readonly work: Readonly<Record<JobPriority, string>>;
  readonly retry: readonly string[];
  readonly dead: string;
  readonly group: string;
}

export function typeTopics(name: string, type: JobType): TypeTopics {
  const normal = `${name}-${WORD[type]}`;
  return {
    work: { high: `${normal}-high`, normal, low: `${normal}-low` },
    retry: TIERS.map((tier) => `${normal}-retry-${tier.name}`),
    dead: `${normal}-dead`,
    group: normal,
  };
}

/** Whether the queue is paused, and what each start writes to see that it may: two records, compacted. */
export const controlTopic = (name: string): string => `${name}-control`;
export const PAUSED_KEY = 'paused';
export const PROBE_KEY = 'probe';

export const workTopics = ({ work }: TypeTopics): string[] => PRIORITIES.map((priority) => work[priority]);

/** What a consumer of the type reads. */
export const consumedTopics = (topics: TypeTopics): string[] => [...workTopics(topics), ...topics.retry];

/** The topic in which a job waits so long. */
export function retryTopic({ retry }: TypeTopics, waitMs: number): string {
  const topic = retry[TIERS.findIndex(({ upToMs }) => waitMs <= upToMs)];
  if (topic === undefined) throw new RangeError(`Not a wait: ${waitMs}`);
  return topic;
}

export function topicConfigs(name: string, settings: KafkaSettings): ITopicConfig[] {
  const { partitions, replication, retentionMs } = settings;
  const common = { 'min.insync.replicas': replication >= 3 ? '2' : '1' };
  const config = (topic: string, numPartitions: number, entries: Readonly<Record<string, string>>) => ({
    topic,
    numPartitions,
    replicationFactor: replication,
    configEntries: Object.entries({ ...common, ...entries }).map(([key, value]) => ({ name: key, value })),
  });
  const kept = { 'cleanup.policy': 'delete', 'retention.ms': String(retentionMs) };
  const deadKept = { 'cleanup.policy': 'compact,delete', 'retention.ms': String(DEAD_KEPT_MS) };
  const ofType = (type: JobType): ITopicConfig[] => {
    const topics = typeTopics(name, type);
    return [
      ...workTopics(topics).map((topic) => config(topic, partitions, kept)),
      ...topics.retry.map((topic) => config(topic, Math.min(partitions, MOST_RETRY_PARTITIONS), kept)),
      config(topics.dead, 1, deadKept),
    ];
  };
  return [...JOB_TYPES.flatMap(ofType), config(controlTopic(name), 1, { 'cleanup.policy': 'compact' })];
}

/**
 * Creates what is missing, and waits until every topic has leaders. Several processes may do so at once.
 * @throws what kafkajs throws where it may not be done
 */
export async function ensureTopics(admin: Admin, wanted: readonly ITopicConfig[]): Promise<void> {
  const there = new Set(await admin.listTopics());
  const missing = wanted.filter(({ topic }) => !there.has(topic));
  if (missing.length === 0) return;
  // another process may have created them meanwhile: that is as well
  await admin.createTopics({ topics: missing, waitForLeaders: false, timeout: CREATE_TIMEOUT_MS });
  await untilLed(
    admin,
    missing.map(({ topic }) => topic),
  );
}

/** By a connection of its own: kafkajs refuses to create a topic on one that knew it before it was deleted. */
export async function createTopics(kafka: Kafka, wanted: readonly ITopicConfig[]): Promise<void> {
  const admin = kafka.admin();
  try {
    await admin.connect();
    await ensureTopics(admin, wanted);
  } finally {
    await admin.disconnect();
  }
}

/** A broker takes a moment to lead a new topic; what is written before may have to be written twice. */
async function untilLed(admin: Admin, topics: readonly string[]): Promise<void> {
  await Promise.all(topics.map((topic) => endsOf(admin, topic, CREATE_TIMEOUT_MS)));
}

export interface PartitionEnds {
  readonly partition: number;
  /** The oldest kept, and the next to be written. */
  readonly low: number;
  readonly high: number;
}

/**
 * Where the partitions of a topic begin and end. Asked again while leaders are changing.
 * @throws what kafkajs throws
 */
export async function endsOf(admin: Admin, topic: string, patienceMs = MOVING_MS): Promise<PartitionEnds[]> {
  const found = await patiently(patienceMs, () => admin.fetchTopicOffsets(topic));
  return found.map(({ partition, low, high }) => ({ partition, low: Number(low), high: Number(high) }));
}

/**
 * What a group has committed, by topic.
 * @throws what kafkajs throws
 */
export function committedBy(
  admin: Admin,
  { group }: Pick<TypeTopics, 'group'>,
  topics: readonly string[],
): Promise<{ topic: string; partitions: FetchOffsetsPartition[] }[]> {
  return patiently(MOVING_MS, () => admin.fetchOffsets({ groupId: group, topics: [...topics] }));
}
