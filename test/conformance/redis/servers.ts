import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { freePort } from '../../../src/database/embedded/free-port.js';
import { until } from '../bench.js';

export interface TlsPaths {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** How to reach a server where that takes more than its port. */
interface Reach {
  readonly password?: string;
  readonly tls?: {
    readonly ca: Buffer;
    readonly cert: Buffer;
    readonly key: Buffer;
    /** The test's own clients come by the number, whatever name the certificate has. */
    readonly checkServerIdentity: () => undefined;
  };
}

export interface RedisServer {
  readonly port: number;
  /** A client of the test's own, closed with the servers. */
  client(): Redis;
  /** Ends it as a crash does. */
  kill(): Promise<void>;
}

/** Redis servers of a test's own, in a folder of their own; all of it goes with `stop`. */
export class RedisServers {
  private readonly processes: ChildProcess[] = [];
  private readonly clients: Redis[] = [];

  private constructor(readonly folder: string) {}

  static async make(): Promise<RedisServers> {
    return new RedisServers(await mkdtemp(join(tmpdir(), 'fairline-redis-')));
  }

  /** A server with these options, answering. */
  async start(options: Readonly<Record<string, string>> = {}, probe: Reach = {}): Promise<RedisServer> {
    const port = await freePort();
    const dir = await mkdtemp(join(this.folder, 'server-'));
    const ports = probe.tls ? { port: '0', 'tls-port': String(port) } : { port: String(port) };
    const all = { bind: '127.0.0.1', dir, save: '', ...ports, ...options };
    const args = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]);
    return this.reached(await this.run(args), port, probe);
  }

  /** A server that speaks TLS alone, also to its copies, and only to who shows a certificate of this authority. */
  async startTls(tls: TlsPaths, more: Readonly<Record<string, string>> = {}): Promise<RedisServer> {
    return this.start({ ...optionsOf(tls), ...more }, await reachBy(tls));
  }

  /** A sentinel that watches this server under this name, and misses it after half a second. */
  async startSentinel(name: string, watched: number, tls: TlsPaths | null = null): Promise<RedisServer> {
    const port = await freePort();
    const dir = await mkdtemp(join(this.folder, 'sentinel-'));
    const file = join(dir, 'sentinel.conf');
    const secured = tls === null ? {} : optionsOf(tls);
    const lines = [
      ...(tls === null ? [`port ${port}`] : ['port 0', `tls-port ${port}`]),
      ...Object.entries(secured).map(([option, value]) => `${option} ${value}`),
      'bind 127.0.0.1',
      `dir ${dir}`,
      `sentinel monitor ${name} 127.0.0.1 ${watched} 1`,
      `sentinel down-after-milliseconds ${name} 500`,
    ];
    await writeFile(file, `${lines.join('\n')}\n`);
    return this.reached(await this.run([file, '--sentinel']), port, tls === null ? {} : await reachBy(tls));
  }

  /**
   * Three nodes that share the slots, each knowing the others, and missing one that is gone after a second; over TLS
   * they go by the name localhost.
   */
  async startCluster(tls: TlsPaths | null = null): Promise<RedisServer[]> {
    const buses = await Promise.all([freePort(), freePort(), freePort()]);
    const nodes: RedisServer[] = [];
    for (const bus of buses) nodes.push(await this.startNode(bus, tls));
    const ranges = [
      [0, 5460],
      [5461, 10922],
      [10923, 16383],
    ] as const;
    const [first] = nodes;
    for (const [index, node] of nodes.entries()) {
      const [from, to] = ranges[index] ?? [0, 0];
      await node.client().call('CLUSTER', 'ADDSLOTSRANGE', String(from), String(to));
      const bus = String(buses[index]);
      await first?.client().call('CLUSTER', 'MEET', '127.0.0.1', String(node.port), bus);
    }
    for (const node of nodes) {
      await until('the cluster is whole', async () =>
        /cluster_state:ok[\s\S]*cluster_known_nodes:3/.test(
          String(await node.client().call('CLUSTER', 'INFO')),
        ),
      );
    }
    return nodes;
  }

  /** A further node of a cluster, which takes the place of this one when it is gone; its copy is complete. */
  async startCopyOf(node: RedisServer): Promise<RedisServer> {
    const bus = await freePort();
    const copy = await this.startNode(bus, null);
    await node.client().call('CLUSTER', 'MEET', '127.0.0.1', String(copy.port), String(bus));
    const id = String(await node.client().call('CLUSTER', 'MYID'));
    await until('the copy knows whom to follow', () =>
      copy
        .client()
        .call('CLUSTER', 'REPLICATE', id)
        .then(
          () => true,
          () => false,
        ),
    );
    await until('the copy is complete', async () =>
      (await copy.client().info('replication')).includes('master_link_status:up'),
    );
    await until('the cluster knows the copy', async () =>
      String(await node.client().call('CLUSTER', 'REPLICAS', id)).includes(`:${copy.port}@`),
    );
    return copy;
  }

  /** A certificate for this name alone, which nobody but its own authority has signed. */
  async certificate(name = 'IP:127.0.0.1'): Promise<TlsPaths> {
    const [certFile, keyFile] = [join(this.folder, 'cert.pem'), join(this.folder, 'key.pem')];
    const subject = ['-subj', '/CN=Fairline', '-addext', `subjectAltName=${name}`];
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile];
    await promisify(execFile)('openssl', [
      'req',
      '-x509',
      ...key,
      '-out',
      certFile,
      '-days',
      '2',
      ...subject,
    ]);
    return { caFile: certFile, certFile, keyFile };
  }

  async stop(): Promise<void> {
    for (const client of this.clients) client.disconnect();
    await Promise.all(this.processes.map(end));
    await rm(this.folder, { recursive: true, force: true });
  }

  private startNode(bus: number, tls: TlsPaths | null): Promise<RedisServer> {
    const options = {
      ...{ 'cluster-enabled': 'yes', 'cluster-port': String(bus), 'cluster-node-timeout': '1000' },
      // a copy begins at once, not when more may have asked for one
      'repl-diskless-sync-delay': '0',
    };
    const named = {
      ...{ 'cluster-announce-hostname': 'localhost', 'cluster-preferred-endpoint-type': 'hostname' },
      'tls-cluster': 'yes',
    };
    return tls === null ? this.start(options) : this.startTls(tls, { ...options, ...named });
  }

  private async run(args: readonly string[]): Promise<ChildProcess> {
    const server = spawn('redis-server', args, { stdio: 'ignore' });
    this.processes.push(server);
    await new Promise<void>((resolve, reject) => server.once('spawn', resolve).once('error', reject));
    return server;
  }

  private async reached(process: ChildProcess, port: number, probe: Reach): Promise<RedisServer> {
    const client = (): Redis => {
      const made = new Redis({ host: '127.0.0.1', port, retryStrategy: () => 50, ...probe });
      made.on('error', () => undefined);
      this.clients.push(made);
      return made;
    };
    const first = client();
    await until('Redis answers', () => first.status === 'ready');
    return { port, client, kill: () => end(process) };
  }
}

const optionsOf = ({ caFile, certFile, keyFile }: TlsPaths): Readonly<Record<string, string>> => ({
  ...{ 'tls-cert-file': certFile, 'tls-key-file': keyFile, 'tls-ca-cert-file': caFile },
  'tls-replication': 'yes',
});

async function reachBy({ caFile, certFile, keyFile }: TlsPaths): Promise<Reach> {
  const [ca, cert, key] = await Promise.all([caFile, certFile, keyFile].map((file) => readFile(file)));
  if (ca === undefined || cert === undefined || key === undefined) throw new Error('no certificate');
  return { tls: { ca, cert, key, checkServerIdentity: () => undefined } };
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = once(server, 'exit');
  server.kill('SIGKILL');
  await ended;
}
