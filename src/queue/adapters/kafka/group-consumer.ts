import type { Broker, Cluster, Consumer, ConsumerConfig, Kafka } from 'kafkajs';
import { stickyAssigner } from './sticky-assigner.js';

/**
 * A consumer of kafkajs that talks with its group by connections of its own. A broker answers the requests of one
 * connection one after the other, and kafkajs has one for all: there a commit waits for as long as the fetch before it
 * waits for news, and a heartbeat as well. Kafka's own client keeps the two apart in the same way.
 */
export function groupConsumer(
  kafka: Kafka,
  config: ConsumerConfig & Required<Pick<ConsumerConfig, 'partitionAssigners'>>,
): Consumer {
  const { groupId } = config;
  const clusters: Cluster[] = [];
  // never run: it is there for its connections
  const side = kafka.consumer({
    ...config,
    partitionAssigners: [
      (given) => {
        clusters.push(given.cluster);
        return stickyAssigner(() => ({}))(given);
      },
    ],
  });
  const consumer = kafka.consumer({
    ...config,
    partitionAssigners: config.partitionAssigners.map((assigner) => (given) => {
      for (const own of clusters) divert(given.cluster, own, groupId);
      return assigner(given);
    }),
  });
  return {
    ...consumer,
    connect: async () => {
      await side.connect();
      await consumer.connect();
    },
    subscribe: async (subscription) => {
      await side.subscribe(subscription);
      await consumer.subscribe(subscription);
    },
    disconnect: async () => {
      try {
        await consumer.disconnect();
      } finally {
        await side.disconnect();
      }
    },
  };
}

/** Whoever asks `cluster` for the coordinator of the group gets a connection of `own`, mended before each fetch. */
function divert(cluster: Cluster, own: Cluster, groupId: string): void {
  const findBroker = cluster.findBroker.bind(cluster);
  let coordinator: Broker | null = null;
  cluster.findGroupCoordinator = async (group) => (coordinator = await own.findGroupCoordinator(group));
  cluster.findBroker = async (node) => {
    if (coordinator?.isConnected() === false) coordinator = await own.findGroupCoordinator({ groupId });
    return coordinator !== null && Object.is(node, coordinator) ? coordinator : findBroker(node);
  };
}
