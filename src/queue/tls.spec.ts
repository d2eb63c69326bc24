import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Reader } from '../config/reader.js';
import { redisSettings } from '../config/redis.js';
import { kafkaSettings } from '../config/kafka.js';
import { kafkaClient } from './adapters/kafka/client.js';
import { redisOptions } from './redis-options.js';

describe('The files of certificates', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairline-tls-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const kafka = (caFile: string) => () => {
    const variables = {
      KAFKA_BOOTSTRAP_SERVERS: '127.0.0.1:1',
      KAFKA_TLS: 'true',
      KAFKA_TLS_CA_FILE: caFile,
    };
    const settings = kafkaSettings(new Reader(variables));
    if (settings === null) throw new Error('no Kafka');
    kafkaClient(
      settings,
      () => undefined,
      () => undefined,
    );
  };
  const redis = (caFile: string) => () => {
    const variables = { REDIS_URL: 'redis://127.0.0.1:1', REDIS_TLS: 'true', REDIS_TLS_CA_FILE: caFile };
    const settings = redisSettings(new Reader(variables));
    if (settings === null) throw new Error('no Redis');
    redisOptions(settings);
  };
  const thrown = (work: () => void): unknown => {
    try {
      work();
      return null;
    } catch (error) {
      return error;
    }
  };

  it.each([
    ['Kafka', kafka],
    ['Redis', redis],
  ])('are named where they cannot be read, for %s', (broker, open) => {
    const path = join(folder, 'not-there.pem');
    expect(thrown(open(path))).toMatchObject({
      code: 'BROKER_TLS_FAILED',
      broker: `${broker} at 127.0.0.1:1`,
      detail: `${path} cannot be read: ENOENT`,
    });
  });

  it('are named where they hold no certificate', async () => {
    const path = join(folder, 'ca.pem');
    await writeFile(path, 'nothing of the kind');
    expect(thrown(kafka(path))).toMatchObject({
      code: 'BROKER_TLS_FAILED',
      detail: expect.stringContaining(`${path} cannot be used`),
    });
  });
});
