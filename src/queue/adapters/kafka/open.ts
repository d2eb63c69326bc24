import type { Admin, Kafka, Producer } from 'kafkajs';
import type { KafkaSettings } from '../../../config/kafka.js';
import { KafkaJobQueue } from './adapter.js';
import { brokerName, kafkaClient, METADATA_MAX_AGE_MS, type Report, RETRY } from './client.js';
import { brokerError, patiently, within } from './errors.js';
import { evenPartitioner } from './even-partitioner.js';
import { Failures } from './failures.js';
import { controlTopic, ensureTopics, PROBE_KEY, topicConfigs } from './topics.js';

const OPEN_MS = 15_000;
const PROBE_MS = 4000;

/**
 * Connects, creates the topics that are missing, and sees that they may be written to.
 * @throws BrokerError within half a minute where that cannot be
 */
export async function openKafka(
  name: string,
  settings: KafkaSettings,
  report: Report,
): Promise<KafkaJobQueue> {
  const broker = brokerName(settings);
  const failures = new Failures(broker);
  const kafka = client(settings, report, failures);
  const marked = (mark: string): Kafka =>
    client({ ...settings, clientId: `${settings.clientId}-${mark}` }, report, failures);
  const admin = kafka.admin({ retry: RETRY });
  const producer = kafka.producer({
    allowAutoTopicCreation: false,
    metadataMaxAge: METADATA_MAX_AGE_MS,
    createPartitioner: evenPartitioner,
    retry: RETRY,
  });
  try {
    await within(OPEN_MS, 'connect', connect(admin, producer));
    await within(OPEN_MS, 'topics', ensureTopics(admin, topicConfigs(name, settings))).catch(
      (error: unknown) => {
        throw brokerError(error, broker, 'topics');
      },
    );
    await probe(controlTopic(name), producer, failures);
    return new KafkaJobQueue({
      name,
      settings,
      kafka,
      marked,
      admin,
      producer,
      failures,
      report,
      random: Math.random,
    });
  } catch (error) {
    void admin.disconnect().catch(() => undefined);
    void producer.disconnect().catch(() => undefined);
    throw failures.named(error);
  }
}

function client(settings: KafkaSettings, report: Report, failures: Failures): Kafka {
  try {
    return kafkaClient(settings, report, () => failures.groupRefused());
  } catch (error) {
    throw failures.named(error);
  }
}

async function connect(admin: Admin, producer: Producer): Promise<void> {
  await admin.connect();
  await producer.connect();
}

/** A right that is missing ends the start; what may pass by itself is told in readiness. */
async function probe(topic: string, producer: Producer, failures: Failures): Promise<void> {
  const message = { key: PROBE_KEY, value: new Date().toISOString(), partition: 0 };
  const write = (): Promise<unknown> =>
    producer.send({ topic, acks: -1, timeout: PROBE_MS, messages: [message] });
  try {
    await within(OPEN_MS, 'probe', patiently(PROBE_MS, write));
  } catch (error) {
    const told = failures.failed(topic, error);
    if (told.code === 'BROKER_NOT_AUTHORIZED') throw told;
  }
}
