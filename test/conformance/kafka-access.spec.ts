import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { KafkaCluster } from '../../scripts/support/kafka-cluster.mjs';
import { openKafka } from '../../src/queue/adapters/kafka/open.js';
import type { JobQueue } from '../../src/queue/job-queue.js';
import { kafkaAt } from '../support/kafka-at.js';
import { describeWithKafka } from '../support/kafka.js';
import { fulfil, Log, options } from './bench.js';
import { startOwnKafka } from './own-kafka.js';

jest.setTimeout(180_000);

const PASSWORD = 'of-the-tests-only';
const open = (bootstrap: string, variables: Readonly<Record<string, string>> = {}): Promise<JobQueue> =>
  openKafka('guarded', kafkaAt(bootstrap, variables), () => undefined);
const as = (username: string, password = PASSWORD, mechanism = 'scram-sha-512') => ({
  KAFKA_SASL_MECHANISM: mechanism,
  KAFKA_SASL_USERNAME: username,
  KAFKA_SASL_PASSWORD: password,
});

/** Publishes a job and gets it. */
async function works(queue: JobQueue): Promise<void> {
  const log = new Log();
  try {
    await queue.consume('booking.fulfil', log.handle, options());
    await queue.publish([fulfil('there-and-back')]);
    await log.reaches(1);
    await queue.ping();
  } finally {
    await queue.close();
  }
}

describeWithKafka('Access to Kafka', () => {
  let cluster: KafkaCluster;
  afterEach(() => cluster.stop());

  it('is by name and password, and a right that is missing is named', async () => {
    const plain = `org.apache.kafka.common.security.plain.PlainLoginModule required user_fairline="${PASSWORD}";`;
    cluster = await startOwnKafka({
      protocol: 'SASL_PLAINTEXT',
      format: ['fairline', 'stranger'].flatMap((name) => [
        '--add-scram',
        `SCRAM-SHA-512=[name=${name},password=${PASSWORD}]`,
      ]),
      properties: {
        'sasl.enabled.mechanisms': 'SCRAM-SHA-512,PLAIN',
        'listener.name.client.scram-sha-512.sasl.jaas.config':
          'org.apache.kafka.common.security.scram.ScramLoginModule required;',
        'listener.name.client.plain.sasl.jaas.config': plain,
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        'super.users': 'User:ANONYMOUS;User:fairline',
      },
    });
    await works(await open(cluster.bootstrap, as('fairline')));
    await works(await open(cluster.bootstrap, as('fairline', PASSWORD, 'plain')));
    await expect(open(cluster.bootstrap, as('fairline', 'wrong'))).rejects.toMatchObject({
      code: 'BROKER_AUTHENTICATION_FAILED',
      message: expect.not.stringContaining('wrong'),
    });
    await expect(open(cluster.bootstrap, as('stranger'))).rejects.toMatchObject({
      code: 'BROKER_TOPIC_MISSING',
    });
    await expect(open(cluster.bootstrap)).rejects.toMatchObject({ name: 'BrokerError' });
  });

  it('is encrypted, where the certificate is trusted', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fairline-tls-'));
    try {
      const { keyStore, caFile } = await certificate(folder);
      cluster = await startOwnKafka({
        protocol: 'SSL',
        properties: {
          'listener.name.client.ssl.keystore.type': 'PEM',
          'listener.name.client.ssl.keystore.location': keyStore,
        },
      });
      const trusting = { KAFKA_TLS: 'true', KAFKA_TLS_CA_FILE: caFile };
      await works(await open(cluster.bootstrap, trusting));
      await expect(open(cluster.bootstrap, { KAFKA_TLS: 'true' })).rejects.toMatchObject({
        code: 'BROKER_TLS_FAILED',
      });
      await expect(open(cluster.bootstrap)).rejects.toMatchObject({ name: 'BrokerError' });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe('A Kafka that is not there', () => {
  it('is told of within seconds', async () => {
    const began = Date.now();
    await expect(open('127.0.0.1:1')).rejects.toMatchObject({
      code: 'BROKER_UNREACHABLE',
      message: expect.stringContaining('Kafka at 127.0.0.1:1'),
    });
    expect(Date.now() - began).toBeLessThan(20_000);
  });
});

/** A certificate of 127.0.0.1, signed by itself; as Kafka and as clients take it. */
async function certificate(folder: string): Promise<{ keyStore: string; caFile: string }> {
  const [keyFile, caFile, keyStore] = ['key.pem', 'ca.pem', 'store.pem'].map((name) => join(folder, name));
  if (keyFile === undefined || caFile === undefined || keyStore === undefined) throw new Error('no files');
  const what = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1'];
  const where = ['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', keyFile, '-out', caFile];
  await promisify(execFile)('openssl', [...what, ...where]);
  await writeFile(keyStore, (await readFile(keyFile, 'utf8')) + (await readFile(caFile, 'utf8')));
  return { keyStore, caFile };
}
