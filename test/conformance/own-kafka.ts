import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClusterOptions, type KafkaCluster, startKafka } from '../../scripts/support/kafka-cluster.mjs';

/** A Kafka of the test's own, which may be halted, killed and resumed. */
export async function startOwnKafka(options: Omit<ClusterOptions, 'folder'> = {}): Promise<KafkaCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'fairline-kafka-'));
  try {
    const cluster = await startKafka({ folder, ...options });
    return {
      ...cluster,
      stop: async () => {
        await cluster.stop();
        await rm(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}
