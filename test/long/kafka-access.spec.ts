import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  type Admin,
  Kafka,
  logLevel,
  ResourcePatternTypes,
} from 'kafkajs';
import type { KafkaCluster } from '../../scripts/support/kafka-cluster.mjs';
import { freePort } from '../../src/database/embedded/free-port.js';
import { openKafka } from '../../src/queue/adapters/kafka/open.js';
import type { JobQueue } from '../../src/queue/job-queue.js';
import { kafkaAt } from '../support/kafka-at.js';
import { describeWithKafka } from '../support/kafka.js';
import { fulfil, Log, options, until } from '../conformance/bench.js';
import { startOwnKafka } from '../conformance/own-kafka.js';

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

const PEOPLE = ['looker', 'groupless', 'pauser'];

describeWithKafka('Access to a Kafka that is guarded', () => {
  let cluster: KafkaCluster;
  beforeAll(async () => {
    cluster = await startGuarded(['fairline', 'stranger', ...PEOPLE]);
  });
  afterAll(() => cluster.stop());

  it('is by name and password, and a right that is missing is named', async () => {
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

  it('names a right that is missing at start, where a queue is consumed, or in readiness', async () => {
    await (await open(cluster.bootstrap, as('fairline', PASSWORD, 'plain'))).close();
    await allow(cluster.bootstrap, [
      ...PEOPLE.map((name) => may(name, AclOperationTypes.DESCRIBE)),
      ...['groupless', 'pauser'].map((name) => may(name, AclOperationTypes.READ)),
      may('groupless', AclOperationTypes.WRITE),
      { ...may('pauser', AclOperationTypes.WRITE), resourceName: 'guarded-control' },
      { ...may('pauser', AclOperationTypes.READ), resourceType: AclResourceTypes.GROUP },
    ]);
    const refused = { name: 'BrokerError', code: 'BROKER_NOT_AUTHORIZED' };
    await expect(open(cluster.bootstrap, as('looker'))).rejects.toMatchObject(refused);

    const groupless = await open(cluster.bootstrap, as('groupless'));
    try {
      await groupless.publish([fulfil('taken')]);
      const consumed = groupless.consume('booking.fulfil', new Log().handle, options());
      await expect(consumed).rejects.toMatchObject(refused);
      for (const work of [
        () => groupless.deadLetters.list(1),
        () => groupless.deadLetters.remove('taken'),
        () => groupless.counts(),
        () => groupless.figures(),
        () => groupless.pause(),
      ]) {
        await expect(work()).rejects.toMatchObject(refused);
      }
    } finally {
      await groupless.close();
    }

    const pauser = await open(cluster.bootstrap, as('pauser'));
    try {
      await pauser.ping();
      await expect(pauser.publish([fulfil('refused')])).rejects.toMatchObject(refused);
      await expect(pauser.ping()).rejects.toMatchObject(refused);
      // once the right is there readiness finds out by itself, though nothing else is published
      await allow(cluster.bootstrap, [may('pauser', AclOperationTypes.WRITE)]);
      await until('it is ready again', () =>
        pauser.ping().then(
          () => true,
          () => false,
        ),
      );
    } finally {
      await pauser.close();
    }
  });
});

describeWithKafka('Access to a Kafka with TLS', () => {
  let cluster: KafkaCluster;
  afterEach(() => cluster.stop());

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

  it('is told of where its name is not found, whatever the name', async () => {
    await expect(open('tls-kafka.invalid:9092')).rejects.toMatchObject({ code: 'BROKER_UNREACHABLE' });
  });

  it('is told of where something listens that says nothing', async () => {
    const deaf = createServer().listen(await freePort(), '127.0.0.1');
    try {
      await once(deaf, 'listening');
      const address = deaf.address();
      if (address === null || typeof address === 'string') throw new Error('no address');
      await expect(open(`127.0.0.1:${address.port}`)).rejects.toMatchObject({ code: 'BROKER_UNREACHABLE' });
    } finally {
      deaf.close();
    }
  });
});

/** These have a password, by SCRAM; `fairline` may do all and comes by PLAIN as well, the others nothing yet. */
function startGuarded(people: readonly string[]): Promise<KafkaCluster> {
  const jaas = (what: string): string => `org.apache.kafka.common.security.${what} required`;
  return startOwnKafka({
    protocol: 'SASL_PLAINTEXT',
    format: people.flatMap((name) => ['--add-scram', `SCRAM-SHA-512=[name=${name},password=${PASSWORD}]`]),
    properties: {
      'sasl.enabled.mechanisms': 'SCRAM-SHA-512,PLAIN',
      'listener.name.client.scram-sha-512.sasl.jaas.config': `${jaas('scram.ScramLoginModule')};`,
      'listener.name.client.plain.sasl.jaas.config': `${jaas('plain.PlainLoginModule')} user_fairline="${PASSWORD}";`,
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:ANONYMOUS;User:fairline',
    },
  });
}

type Acl = Parameters<Admin['createAcls']>[0]['acl'][number];

/** On all topics of the queue. */
const may = (name: string, operation: AclOperationTypes): Acl => ({
  resourceType: AclResourceTypes.TOPIC,
  resourceName: 'guarded',
  resourcePatternType: ResourcePatternTypes.PREFIXED,
  principal: `User:${name}`,
  host: '*',
  operation,
  permissionType: AclPermissionTypes.ALLOW,
});

async function allow(bootstrap: string, acl: Acl[]): Promise<void> {
  const sasl = { mechanism: 'plain', username: 'fairline', password: PASSWORD } as const;
  const admin = new Kafka({ brokers: bootstrap.split(','), sasl, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.createAcls({ acl });
  await admin.disconnect();
}

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
