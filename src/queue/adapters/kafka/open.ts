import type { Admin, Kafka, Producer } from 'kafkajs';
import { Partitioners } from 'kafkajs';
import type { KafkaSettings } from '../../../config/kafka.js';
import { KafkaJobQueue } from './adapter.js';
import { brokerName, kafkaClient, type Report, RETRY } from './client.js';
import { brokerError, within } from './errors.js';
import { ensureTopics, topicConfigs } from './topics.js';

const OPEN_MS = 15_000;

/**
 * Connects and creates the topics that are missing.
 * @throws BrokerError within half a minute where that cannot be
 */
export async function openKafka(
  name: string,
  settings: KafkaSettings,
  report: Report,
): Promise<KafkaJobQueue> {
  const broker = brokerName(settings);
  const kafka = client(settings, report, broker);
  const admin = kafka.admin({ retry: RETRY });
  const producer = kafka.producer({
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
    retry: RETRY,
  });
  try {
    await within(OPEN_MS, 'connect', connect(admin, producer));
    await within(OPEN_MS, 'topics', ensureTopics(admin, topicConfigs(name, settings))).catch(
      (error: unknown) => {
        throw brokerError(error, broker, 'topics');
      },
    );
    return new KafkaJobQueue({ name, settings, kafka, admin, producer, report, random: Math.random });
  } catch (error) {
    void admin.disconnect().catch(() => undefined);
    void producer.disconnect().catch(() => undefined);
    throw brokerError(error, broker);
  }
}

function client(settings: KafkaSettings, report: Report, broker: string): Kafka {
  try {
    return kafkaClient(settings, report);
  } catch (error) {
    throw brokerError(error, broker);
  }
}

async function connect(admin: Admin, producer: Producer): Promise<void> {
  await admin.connect();
  await producer.connect();
}
