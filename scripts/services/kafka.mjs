// A real Kafka for tests: one broker in KRaft mode.
import { brokersBelow, endKafka, startKafka } from '../support/kafka-cluster.mjs';
import { isReachable } from '../support/reachable.mjs';

export const variable = 'KAFKA_BOOTSTRAP_SERVERS';
export const remedy = 'set KAFKA_BOOTSTRAP_SERVERS to a Kafka 4 of yours, like host:9092';

/**
 * Whether one of the brokers answers.
 * @param {string} servers
 */
export async function reachable(servers) {
  const hosts = servers.split(',').map((server) => server.trim());
  const answers = await Promise.all(hosts.map((host) => isReachable(`kafka://${host}`, 9092)));
  return answers.some(Boolean);
}

/**
 * @param {{ folder: string, say: (line: string) => void, record: (details: object) => void }} context
 * @returns {Promise<string>} its address
 */
export async function up({ folder, say, record }) {
  record({ folder });
  const { bootstrap } = await startKafka({ folder, say });
  return bootstrap;
}

/** @param {{ folder: string }} details as recorded */
export async function down({ folder }) {
  await endKafka(folder);
}

/** The port may belong to another by now: ours is the one that works in our folder. */
export async function isUp({ folder }) {
  return brokersBelow(folder).length > 0;
}
