import { type KafkaSettings, kafkaSettings } from '../../src/config/kafka.js';
import { Reader } from '../../src/config/reader.js';

/** The settings of a Kafka at these addresses, as the application would read them. Few partitions: tests make many topics. */
export function kafkaAt(bootstrap: string, more: Readonly<Record<string, string>> = {}): KafkaSettings {
  const variables = { KAFKA_BOOTSTRAP_SERVERS: bootstrap, KAFKA_PARTITIONS: '4', ...more };
  const settings = kafkaSettings(new Reader(variables));
  if (settings === null) throw new Error(`Not a Kafka: ${bootstrap}`);
  return settings;
}
