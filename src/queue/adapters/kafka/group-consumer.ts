import type { Admin, Broker, Cluster, Consumer, ConsumerConfig, Kafka } from 'kafkajs';
import { dropMark, isDead, newMark } from './member-mark.js';
import { stickyAssigner } from './sticky-assigner.js';

export interface GroupConsumerParts {
  readonly kafka: Kafka;
  /** The same Kafka, where the names of members end in a mark. */
  readonly marked: (mark: string) => Kafka;
  readonly admin: Admin;
  readonly config: ConsumerConfig & Required<Pick<ConsumerConfig, 'partitionAssigners'>>;
}

export interface GroupConsumer extends Consumer {
  /**
   * Takes members out of the group that died on this machine: the broker would wait for them for as long as a session
   * lasts, and all others in each rebalance. Never rejects.
   */
  sweep(): Promise<void>;
}

/**
 * A consumer of kafkajs that talks with its group by connections of its own. A broker answers the requests of one
 * connection one after the other, and kafkajs has one for all: there a commit waits for as long as the fetch before it
 * waits for news, and a heartbeat as well. Kafka's own client keeps the two apart in the same way.
 */
export function groupConsumer({ kafka, marked, admin, config }: GroupConsumerParts): GroupConsumer {
  const { groupId, partitionAssigners } = config;
  const mark = newMark();
  const talk = new GroupTalk(marked(mark), config);
  const consumer = kafka.consumer({
    ...config,
    partitionAssigners: partitionAssigners.map((assigner) => (given) => {
      talk.divert(given.cluster);
      return assigner(given);
    }),
  });
  return {
    ...consumer,
    connect: async () => {
      await talk.side.connect();
      await consumer.connect();
    },
    subscribe: async (subscription) => {
      await talk.side.subscribe(subscription);
      await consumer.subscribe(subscription);
    },
    sweep: async () => {
      for (const memberId of await deadOf(admin, groupId)) await talk.takeOut(memberId);
    },
    disconnect: async () => {
      dropMark(mark);
      try {
        await consumer.disconnect();
      } finally {
        await talk.side.disconnect();
      }
    },
  };
}

/** None where it is not told: whoever may not ask is refused when it joins, and the broker misses the dead in the end. */
async function deadOf(admin: Admin, groupId: string): Promise<string[]> {
  const { groups } = await admin.describeGroups([groupId]).catch(() => ({ groups: [] }));
  return groups.flatMap(({ members }) => members.map(({ memberId }) => memberId)).filter(isDead);
}

/** The connections by which a member talks with its group. */
class GroupTalk {
  /** Never run: it is there for its connections. */
  readonly side: Consumer;
  private cluster: Cluster | null = null;
  private coordinator: Broker | null = null;

  constructor(
    kafka: Kafka,
    private readonly config: ConsumerConfig,
  ) {
    const partitionAssigners: ConsumerConfig['partitionAssigners'] = [
      (given) => {
        this.cluster = given.cluster;
        return stickyAssigner(() => ({}))(given);
      },
    ];
    this.side = kafka.consumer({ ...config, partitionAssigners });
  }

  /** Whoever asks this cluster for the coordinator gets our connection to it, which is mended before each fetch. */
  divert(cluster: Cluster): void {
    const findBroker = cluster.findBroker.bind(cluster);
    cluster.findGroupCoordinator = () => this.find();
    cluster.findBroker = async (node) => {
      const before = this.coordinator;
      const now = before?.isConnected() === false ? await this.find() : before;
      return now !== null && Object.is(node, before) ? now : findBroker(node);
    };
  }

  /** As the member itself does when it leaves. One that has gone meanwhile is as well. */
  async takeOut(memberId: string): Promise<void> {
    const coordinator = this.coordinator ?? (await this.find().catch(() => null));
    // kafkajs has it, and its types do not
    if (
      coordinator === null ||
      !('leaveGroup' in coordinator) ||
      typeof coordinator.leaveGroup !== 'function'
    )
      return;
    const { groupId } = this.config;
    const leaving: unknown = Reflect.apply(coordinator.leaveGroup, coordinator, [{ groupId, memberId }]);
    await Promise.resolve(leaving).catch(() => undefined);
  }

  private async find(): Promise<Broker> {
    if (this.cluster === null) throw new Error('kafkajs has made no cluster');
    return (this.coordinator = await this.cluster.findGroupCoordinator({ groupId: this.config.groupId }));
  }
}
