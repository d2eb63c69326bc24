import { AssignerProtocol, type Assigner, type GroupMember, type PartitionAssigner } from 'kafkajs';
import { fromJson } from './record.js';

type Assignment = Readonly<Record<string, readonly number[]>>;
type Slot = readonly [topic: string, partition: number];

const VERSION = 1;
const NAME = 'FairlineSticky';

/**
 * Shares partitions out evenly and leaves as many as possible where they are: a worker that comes or goes interrupts
 * no more of the others' jobs than it must.
 * @param current what this member has
 */
export function stickyAssigner(current: () => Assignment): PartitionAssigner {
  return ({ cluster }): Assigner => ({
    name: NAME,
    version: VERSION,
    protocol: ({ topics }) => ({
      name: NAME,
      metadata: AssignerProtocol.MemberMetadata.encode({
        version: VERSION,
        topics,
        userData: Buffer.from(JSON.stringify(current())),
      }),
    }),
    assign: ({ members, topics }) => {
      const slots = [...topics]
        .sort()
        .flatMap((topic) =>
          cluster.findTopicPartitionMetadata(topic).map(({ partitionId }): Slot => [topic, partitionId]),
        );
      const shares = share(
        slots,
        members.map((member) => ({ id: member.memberId, has: heldBy(member) })),
      );
      return Promise.resolve(
        [...shares].map(([memberId, assignment]) => ({
          memberId,
          memberAssignment: AssignerProtocol.MemberAssignment.encode({
            version: VERSION,
            assignment,
            userData: Buffer.alloc(0),
          }),
        })),
      );
    },
  });
}

/** By topic, so that each member gets its part of the busy one; what is over goes to those who have least. */
export function share(
  slots: readonly Slot[],
  members: readonly { readonly id: string; readonly has: Assignment }[],
): Map<string, Record<string, number[]>> {
  const sorted = [...members].sort((a, b) => (a.id < b.id ? -1 : 1));
  const shares = new Map<string, Record<string, number[]>>(sorted.map(({ id }) => [id, {}]));
  const totals = new Map(sorted.map(({ id }) => [id, 0]));
  for (const topic of new Set(slots.map(([name]) => name))) {
    const partitions = slots.filter(([name]) => name === topic).map(([, partition]) => partition);
    for (const [id, given] of shareTopic(topic, partitions, sorted, totals)) {
      if (given.length === 0) continue;
      totals.set(id, (totals.get(id) ?? 0) + given.length);
      const mine = shares.get(id);
      if (mine !== undefined) mine[topic] = given;
    }
  }
  return shares;
}

function shareTopic(
  topic: string,
  partitions: readonly number[],
  members: readonly { readonly id: string; readonly has: Assignment }[],
  totals: ReadonlyMap<string, number>,
): Map<string, number[]> {
  const least = Math.floor(partitions.length / members.length);
  let larger = partitions.length % members.length;
  const total = (id: string): number => totals.get(id) ?? 0;
  const free = new Set(partitions);
  const given = new Map<string, number[]>();
  // who has least altogether is first to have one more of this topic
  for (const { id, has } of [...members].sort((a, b) => total(a.id) - total(b.id))) {
    const kept = (has[topic] ?? []).filter((partition) => free.has(partition));
    const most = larger > 0 && kept.length > least ? least + 1 : least;
    const mine = kept.slice(0, most);
    if (mine.length > least) larger -= 1;
    for (const partition of mine) free.delete(partition);
    given.set(id, mine);
  }
  for (const partition of free) {
    const next = [...given].sort(([a, x], [b, y]) => x.length - y.length || total(a) - total(b))[0];
    next?.[1].push(partition);
  }
  return given;
}

function heldBy({ memberMetadata }: GroupMember): Assignment {
  const { userData } = AssignerProtocol.MemberMetadata.decode(memberMetadata) ?? {};
  const held = fromJson(userData?.toString('utf8') ?? '');
  if (typeof held !== 'object' || held === null) return {};
  const lists = Object.entries(held).map(([topic, list]): [string, number[]] => [
    topic,
    Array.isArray(list) ? list.filter((item): item is number => Number.isSafeInteger(item)) : [],
  ]);
  return Object.fromEntries(lists);
}
