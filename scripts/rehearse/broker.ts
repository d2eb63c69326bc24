import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type * as Kafka from '../support/kafka-cluster.mjs';
import type * as Redis from '../support/redis-server.mjs';
import type { Options } from './options.js';

/** What carries the jobs of a rehearsal: real, its own, and killed where the options say so. */
export interface Broker {
  /** How the application's processes are told of it. */
  readonly env: Readonly<Record<string, string>>;
  /** `SIGKILL`, as a power cut would. */
  kill(): Promise<void>;
  /** At the same address. */
  resume(): Promise<void>;
  stop(): Promise<void>;
}

export interface Ground {
  readonly folder: string;
  readonly log: (message: string) => void;
  /** Told of each process, so that somebody else can end it should we die. */
  readonly onPid: (pid: number, alive: boolean) => void;
  /** BullMQ's default broker is the ledger's own PostgreSQL. */
  readonly database: Pick<Broker, 'kill' | 'resume'>;
}

export function startBroker(queue: Options['queue'], ground: Ground): Promise<Broker> {
  switch (queue) {
    case 'bullmq':
      return Promise.resolve({ env: {}, ...ground.database, stop: () => Promise.resolve() });
    case 'bullmq-redis':
      return redis(ground, {});
    case 'streams':
      return redis(ground, { QUEUE_TYPE: 'streams' });
    case 'kafka':
      return kafka(ground);
    default:
      return queue satisfies never;
  }
}

/** Scripts of this project that are not compiled: found from the folder that `npm run` runs in. */
const script = (name: string): string => pathToFileURL(join(process.cwd(), 'scripts/support', name)).href;

/** Nothing is persisted: where it is killed, everything that it held is lost, and the ledger brings it back. */
async function redis({ folder, log, onPid }: Ground, env: Broker['env']): Promise<Broker> {
  const { startRedis } = (await import(script('redis-server.mjs'))) as typeof Redis;
  const place = join(folder, 'redis');
  await mkdir(place);
  const server = await startRedis({ folder: place, say: log });
  onPid(server.pid(), true);
  return {
    env: { ...env, REDIS_URL: server.url },
    kill: async () => {
      onPid(server.pid(), false);
      await server.kill();
    },
    resume: async () => {
      await server.resume();
      onPid(server.pid(), true);
    },
    stop: () => server.stop(),
  };
}

async function kafka({ folder, log, onPid }: Ground): Promise<Broker> {
  const { startKafka, brokersBelow } = (await import(script('kafka-cluster.mjs'))) as typeof Kafka;
  const place = join(folder, 'kafka');
  await mkdir(place);
  await chmod(place, 0o755);
  const cluster = await startKafka({ folder: place, say: log });
  const tell = (alive: boolean): void => brokersBelow(place).forEach((pid) => onPid(pid, alive));
  tell(true);
  return {
    env: { QUEUE_TYPE: 'kafka', KAFKA_BOOTSTRAP_SERVERS: cluster.bootstrap },
    kill: async () => {
      tell(false);
      await cluster.kill();
    },
    resume: async () => {
      await cluster.resume();
      tell(true);
    },
    stop: async () => void (await cluster.stop()),
  };
}

const LOOK_EVERY_MS = 100;
/** How long the broker stays away. */
const AWAY_MS = 4000;
const NOTICED_MS = 3000;

/** Kills the broker once, when the sale is in full swing, and starts it again. */
export class BrokerKiller {
  private over = false;
  private work: Promise<void> | null = null;
  kills = 0;
  /** From its death until a while after it is back: the application needs a moment to notice. */
  isAway = false;
  /** Why it did not come back, if it did not. */
  failure: string | null = null;

  constructor(private readonly broker: Pick<Broker, 'kill' | 'resume'>) {}

  /** @param isTime true from the moment at which it is to be killed */
  start(isTime: () => boolean): void {
    this.work ??= this.run(isTime).catch((error: unknown) => {
      this.failure = `the broker did not come back: ${error instanceof Error ? error.message : String(error)}`;
    });
  }

  /** Resolves when it is there again. Idempotent. */
  async stop(): Promise<void> {
    this.over = true;
    await this.work;
  }

  private async run(isTime: () => boolean): Promise<void> {
    while (!isTime()) {
      if (this.over) return;
      await sleep(LOOK_EVERY_MS);
    }
    this.isAway = true;
    await this.broker.kill();
    this.kills += 1;
    await sleep(AWAY_MS);
    await this.broker.resume();
    await sleep(NOTICED_MS);
    this.isAway = false;
  }
}
