// Kafka brokers in KRaft mode on this machine: one or several, started, halted, killed and resumed at their addresses.
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import { freePort } from './free-port.mjs';
import { kafkaFiles } from './kafka-files.mjs';

const { Kafka, logLevel } = kafkajs;
const START_MS = 60_000;
const ATTEMPTS = 3;
/** A broker that was told to end and does not is killed. */
const END_MS = 20_000;

/**
 * @typedef {object} ClusterOptions
 * @property {string} folder where everything lives; it exists
 * @property {number} [brokers] default 1
 * @property {(line: string) => void} [say]
 * @property {Record<string, string>} [properties] of each broker, beside or instead of ours
 * @property {'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL'} [protocol] that clients talk; brokers among
 *   themselves are on a plain listener
 * @property {readonly string[]} [format] more arguments of the storage tool, like `--add-scram`
 */
/** @typedef {{ id: number, folder: string, client: number, internal: number, controller: number }} Node */

/**
 * A cluster, up. Each start of a broker is at the same address, with the data that it had.
 * @param {ClusterOptions} options
 */
export async function startKafka(options) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(options);
    } catch (error) {
      // Somebody took a port between the choice and the start.
      if (attempt === ATTEMPTS || !/Address already in use|BindException/.test(String(error))) throw error;
      for (const name of readdirSync(options.folder).filter((entry) => entry.startsWith('broker-'))) {
        rmSync(join(options.folder, name), { recursive: true, force: true });
      }
    }
  }
}

/** @param {ClusterOptions} options */
async function startOnce({ folder, brokers = 1, say = () => undefined, ...options }) {
  const files = kafkaFiles(say);
  const nodes = [];
  for (let id = 1; id <= brokers; id++) nodes.push(await newNode(id, folder));
  // the storage tool would take one that begins with a dash for an option
  const clusterId = randomBytes(16).toString('base64url').replace(/^-/, 'A');
  for (const node of nodes) format(files, node, nodes, clusterId, options);
  const all = nodes.map(({ id }) => id);
  const of = (id) => nodes.find((node) => node.id === id);
  const each = (ids, work) => Promise.all(ids.map((id) => work(of(id))));
  const cluster = {
    bootstrap: nodes.map(({ client }) => `127.0.0.1:${client}`).join(','),
    /** As an operator does. */
    halt: (ids = all) => each(ids, (node) => endBroker(node.folder, 'SIGTERM')),
    /** As a power cut does. */
    kill: (ids = all) => each(ids, (node) => endBroker(node.folder, 'SIGKILL')),
    resume: (ids = all) => each(ids, (node) => startBroker(files, node)),
    stop: () => each(all, (node) => endBroker(node.folder, 'SIGKILL')),
  };
  try {
    await cluster.resume();
    if (brokers > 1) await haveMet(nodes);
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

/** Resolves when the brokers know of each other: before that no group has a coordinator to stay with. */
async function haveMet(nodes) {
  const servers = nodes.map(({ internal }) => `127.0.0.1:${internal}`);
  const admin = new Kafka({ brokers: servers, logLevel: logLevel.NOTHING }).admin();
  try {
    for (const end = Date.now() + START_MS; ; await sleep(100)) {
      const known = await admin
        .connect()
        .then(() => admin.describeCluster())
        .catch(() => ({ brokers: [] }));
      if (known.brokers.length === nodes.length) return;
      if (Date.now() > end) throw new Error('The Kafka brokers do not find each other');
    }
  } finally {
    await admin.disconnect();
  }
}

/** Ends the brokers that work below a folder, whoever started them. */
export async function endKafka(folder) {
  await endBroker(folder, 'SIGTERM');
}

/** The processes of brokers that work below a folder. */
export function brokersBelow(folder) {
  const { stdout } = spawnSync('ps', ['-eo', 'pid=,args='], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return (stdout ?? '')
    .split('\n')
    .filter((line) => line.includes('kafka.Kafka') && line.includes(`${folder}/`))
    .map((line) => Number.parseInt(line, 10));
}

/** @returns {Promise<Node>} */
async function newNode(id, parent) {
  const folder = join(parent, `broker-${id}`);
  mkdirSync(folder);
  return { id, folder, client: await freePort(), internal: await freePort(), controller: await freePort() };
}

function format(
  files,
  node,
  nodes,
  clusterId,
  { properties = {}, protocol = 'PLAINTEXT', format: more = [] },
) {
  const all = { ...settings(node, nodes, protocol), ...properties };
  const file = propertiesFile(node.folder);
  writeFileSync(
    file,
    Object.entries(all)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
    { mode: 0o600 },
  );
  const args = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', file, ...more];
  const { status, stdout, stderr } = spawnSync(
    files.java.command,
    ['-Xshare:auto', ...args, ...(nodes.length === 1 ? ['--standalone'] : [])],
    {
      env: { ...files.java.env, CLASSPATH: files.classPath },
      encoding: 'utf8',
    },
  );
  if (status !== 0) throw new Error(`Kafka's storage could not be made:\n${stdout}${stderr}`);
}

function settings({ id, folder, client, internal, controller }, nodes, protocol) {
  const several = nodes.length > 1;
  const copies = String(Math.min(3, nodes.length));
  return {
    'process.roles': 'broker,controller',
    'node.id': id,
    listeners: `CLIENT://127.0.0.1:${client},INTERNAL://127.0.0.1:${internal},CONTROLLER://127.0.0.1:${controller}`,
    'advertised.listeners': `CLIENT://127.0.0.1:${client},INTERNAL://127.0.0.1:${internal}`,
    'listener.security.protocol.map': `CLIENT:${protocol},INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT`,
    'inter.broker.listener.name': 'INTERNAL',
    'controller.listener.names': 'CONTROLLER',
    ...(several
      ? {
          'controller.quorum.voters': nodes
            .map((node) => `${node.id}@127.0.0.1:${node.controller}`)
            .join(','),
        }
      : { 'controller.quorum.bootstrap.servers': `127.0.0.1:${controller}` }),
    'log.dirs': join(folder, 'data'),
    'auto.create.topics.enable': false,
    // Three seconds for each first consumer of a group, which tests would wait out.
    'group.initial.rebalance.delay.ms': 0,
    'offsets.topic.num.partitions': 4,
    'offsets.topic.replication.factor': copies,
    'transaction.state.log.num.partitions': 1,
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.num.partitions': 1,
    'share.coordinator.state.topic.replication.factor': copies,
    'share.coordinator.state.topic.min.isr': 1,
    'num.network.threads': 2,
    'num.io.threads': 4,
    'background.threads': 2,
    'num.recovery.threads.per.data.dir': 1,
    'log.cleaner.dedupe.buffer.size': 4 * 1024 * 1024,
    'log.index.size.max.bytes': 1024 * 1024,
  };
}

const propertiesFile = (folder) => join(folder, 'server.properties');

async function startBroker({ java, classPath }, { folder, client }) {
  const log = join(folder, 'broker.log');
  const output = openSync(log, 'a');
  const memory = ['-Xms64m', '-Xmx384m', '-XX:+UseSerialGC', '-XX:MaxMetaspaceSize=160m'];
  const quiet = ['-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-Djava.awt.headless=true'];
  const args = [...memory, ...quiet, 'kafka.Kafka', propertiesFile(folder)];
  const server = spawn(java.command, args, {
    env: { ...java.env, CLASSPATH: classPath },
    cwd: folder,
    detached: true,
    stdio: ['ignore', output, output],
  });
  let ended = false;
  server.once('exit', () => (ended = true));
  server.once('error', () => (ended = true));
  server.unref();
  for (const end = Date.now() + START_MS; !ended && Date.now() < end; await sleep(100)) {
    if (await answers(client)) return;
  }
  throw new Error(
    `A Kafka broker does not start:\n${readFileSync(log, 'utf8').split('\n').slice(-15).join('\n')}`,
  );
}

/** Resolves when they have ended. */
async function endBroker(folder, signal) {
  for (const pid of brokersBelow(folder)) send(pid, signal);
  for (const end = Date.now() + END_MS; brokersBelow(folder).length > 0; await sleep(50)) {
    if (Date.now() > end) for (const pid of brokersBelow(folder)) send(pid, 'SIGKILL');
  }
}

function send(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch {
    // it has ended meanwhile
  }
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const answer = (is) => {
      socket.destroy();
      resolve(is);
    };
    socket.setTimeout(1000, () => answer(false));
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
  });
}
