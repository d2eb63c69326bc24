import { type Admin, AssignerProtocol, type MemberDescription } from 'kafkajs';
import type { ChannelFigures, GroupFigures, JobType, PartitionFigures, TypeCounts } from '../../job-queue.js';
import { decodeNote } from './offset-note.js';
import { committedBy, consumedTopics, endsOf, type TypeTopics, workTopics } from './topics.js';

/** One partition, as the broker knows it and as the note beside its offset tells. */
interface PartitionState extends PartitionFigures {
  readonly topic: string;
  readonly active: number;
  /** Neither done nor running. */
  readonly waiting: number;
}

/** @throws what kafkajs throws */
export async function partitionStates(admin: Admin, topics: TypeTopics): Promise<PartitionState[]> {
  const names = consumedTopics(topics);
  const [ends, committed] = await Promise.all([
    Promise.all(names.map(async (topic) => ({ topic, partitions: await endsOf(admin, topic) }))),
    committedBy(admin, topics, names),
  ]);
  const commits = new Map(
    committed.flatMap(({ topic, partitions }) =>
      partitions.map((each) => [`${topic}/${each.partition}`, each]),
    ),
  );
  return ends.flatMap(({ topic, partitions }) =>
    partitions.map(({ partition, low, high }) => {
      const commit = commits.get(`${topic}/${partition}`);
      return stateOf(topic, partition, low, high, Number(commit?.offset ?? -1), commit?.metadata ?? null);
    }),
  );
}

function stateOf(
  topic: string,
  partition: number,
  earliest: number,
  latest: number,
  offset: number,
  metadata: string | null,
): PartitionState {
  const base = Math.min(Math.max(offset, earliest), latest);
  const { running, done } = decodeNote(offset, metadata);
  const isThere = (at: number): boolean => at >= base && at < latest;
  const active = [...running.keys()].filter(isThere).length;
  const finished = done
    .filter(([from, to]) => isThere(from) && isThere(to))
    .reduce((sum, [from, to]) => sum + to - from + 1, 0);
  const lag = latest - base - finished;
  const common = { topic, partition, earliest, latest, committed: offset < 0 ? null : offset, lag };
  return { ...common, active, waiting: Math.max(0, lag - active) };
}

export function countsOf(topics: TypeTopics, states: readonly PartitionState[], dead: number): TypeCounts {
  const work = new Set(workTopics(topics));
  const sum = (pick: (state: PartitionState) => number): number =>
    states.reduce((total, state) => total + pick(state), 0);
  return {
    waiting: sum(({ topic, waiting }) => (work.has(topic) ? waiting : 0)),
    active: sum(({ active }) => active),
    delayed: sum(({ topic, waiting }) => (work.has(topic) ? 0 : waiting)),
    dead,
  };
}

/** What runs in the partitions that a member has. */
function activeOf({ memberAssignment }: MemberDescription, states: readonly PartitionState[]): number {
  const assignment = AssignerProtocol.MemberAssignment.decode(memberAssignment)?.assignment ?? {};
  return states
    .filter(({ topic, partition }) => assignment[topic]?.includes(partition) === true)
    .reduce((total, { active }) => total + active, 0);
}

/** @throws what kafkajs throws */
export async function channelsOf(
  admin: Admin,
  type: JobType,
  topics: TypeTopics,
  dead: number,
): Promise<{ channels: ChannelFigures[]; members: number }> {
  const [states, { groups }] = await Promise.all([
    partitionStates(admin, topics),
    admin.describeGroups([topics.group]),
  ]);
  const members = groups[0]?.members ?? [];
  const work = new Set(workTopics(topics));
  const channels = consumedTopics(topics).map((name): ChannelFigures => {
    const mine = states.filter(({ topic }) => topic === name);
    const depth = mine.reduce((total, { lag }) => total + lag, 0);
    const pending = mine.reduce((total, { active }) => total + active, 0);
    const group: GroupFigures = {
      name: topics.group,
      lag: depth - pending,
      pending,
      consumers: members.map((member) => ({
        name: member.memberId,
        pending: activeOf(member, mine),
        idleMs: null,
      })),
    };
    const partitions = mine.map(({ partition, earliest, latest, committed, lag }) => ({
      ...{ partition, earliest, latest, committed, lag },
    }));
    return { name, type, holds: work.has(name) ? 'work' : 'retries', depth, groups: [group], partitions };
  });
  const copies: ChannelFigures = {
    name: topics.dead,
    type,
    holds: 'dead',
    depth: dead,
    groups: [],
    partitions: [],
  };
  return { channels: [...channels, copies], members: members.length };
}
