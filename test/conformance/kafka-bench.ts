import { kafkaAt } from '../support/kafka-at.js';
import { Bench } from './bench.js';

/** A bench on the Kafka at these addresses. */
export const benchAt = (bootstrap: string, more: Readonly<Record<string, string>> = {}): Bench =>
  new Bench({
    settings: {
      ...{ type: 'kafka', redis: null, kafka: kafkaAt(bootstrap, more) },
      databaseUrl: 'postgres://127.0.0.1:1/not-used',
    },
    progressOf: () => Promise.resolve(null),
    stop: () => Promise.resolve(),
  });
