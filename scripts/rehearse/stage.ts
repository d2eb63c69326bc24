import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SignJWT } from 'jose';
import { killEmbedded, startEmbedded } from '../../src/database/embedded/embedded-postgres.js';
import { freePort } from '../../src/database/embedded/free-port.js';
import { BrokerKiller, startBroker } from './broker.js';
import type { Options } from './options.js';
import { Killer, ServerProcess, type ServerOptions } from './server-process.js';

/** Where a rehearsal plays: the application, its database, and the operator's token. */
export interface Stage {
  /** Base addresses of the api processes. */
  readonly origins: readonly string[];
  readonly token: string;
  /** Null for a server that was there already: its database is its own business. */
  readonly databaseUrl: string | null;
  readonly folder: string | null;
  /**
   * Begins to kill what the options say.
   * @param inFullSwing true once the sale is: the moment for the broker
   */
  startKilling(inFullSwing: () => boolean): void;
  /** Stops killing; resolves when everything is up again. */
  stopKilling(): Promise<void>;
  /** What has been killed, and what ended by itself. */
  losses(): {
    readonly workers: number;
    readonly apis: number;
    readonly brokers: number;
    readonly crashes: readonly string[];
  };
  /** Stops and removes all that it started. Idempotent. */
  close(): Promise<void>;
}

/** A server that runs already: nothing to start, nothing to stop. */
export function borrowedStage(server: { readonly url: string; readonly token: string }): Stage {
  return {
    origins: [server.url],
    token: server.token,
    databaseUrl: null,
    folder: null,
    startKilling: () => undefined,
    stopKilling: () => Promise.resolve(),
    losses: () => ({ workers: 0, apis: 0, brokers: 0, crashes: [] }),
    close: () => Promise.resolve(),
  };
}

/** Processes and a database of its own, in a temporary folder. */
export async function ownStage(options: Options, log: (message: string) => void): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'fairline-rehearsal-'));
  // The database may have to run as another user, who must be able to pass through.
  await chmod(folder, 0o755);
  const dataDir = join(folder, 'data');
  const janitor = hireJanitor(folder, dataDir);
  const closers: (() => Promise<void>)[] = [];
  let closed: Promise<void> | null = null;
  const close = (): Promise<void> =>
    (closed ??= (async () => {
      for (const closer of closers.reverse()) await closer().catch((error: unknown) => log(String(error)));
      if (!options.keep) await rm(folder, { recursive: true, force: true });
      janitor.dismiss();
    })());
  try {
    const database = await startEmbedded({ dataDir, log });
    closers.push(() => (options.keep ? database.stop() : database.discard()));
    const broker = await startBroker(options.queue, {
      ...{ folder, log, onPid: janitor.report },
      database: {
        kill: () => killEmbedded(dataDir),
        resume: async () => {
          const again = await startEmbedded({ dataDir });
          closers.push(() => again.stop());
        },
      },
    });
    closers.push(() => broker.stop());
    const brokerKiller = options.killBroker ? new BrokerKiller(broker) : null;
    const isUp = (): boolean => brokerKiller?.isAway !== true;
    const secret = randomBytes(32).toString('base64url');
    const ports = await freePorts(2 * (options.apis + options.workers));
    const publicUrl = origin(ports[0] ?? 0);
    const env = environment(options, {
      ...{ databaseUrl: database.url, secret, dataDir, publicUrl },
      broker: broker.env,
    });
    const make = (role: 'api' | 'worker', count: number): Placed[] =>
      Array.from({ length: count }, (_, index) => {
        const own = { port: ports.shift() ?? 0, metricsPort: ports.shift() ?? 0 };
        return place(role, index + 1, own, {
          ...{ env, folder, onPid: janitor.report },
          mayEnd: () => !isUp(),
        });
      });
    const [apis, workers] = [make('api', options.apis), make('worker', options.workers)];
    const servers = [...apis, ...workers].map(({ server }) => server);
    closers.push(async () => void (await Promise.all(servers.map((server) => server.stop()))));
    // The first one migrates alone; the others find it done.
    const [first, ...others] = servers;
    await first?.start();
    await Promise.all(others.map((server) => server.start()));
    const killers = [
      ...(options.killApis
        ? [
            new Killer(
              apis.map(({ server }) => server),
              isUp,
            ),
          ]
        : []),
      ...(options.killWorkers
        ? [
            new Killer(
              workers.map(({ server }) => server),
              isUp,
            ),
          ]
        : []),
    ];
    closers.push(async () => {
      for (const killer of killers) killer.stop();
      await brokerKiller?.stop();
    });
    const kills = (placed: readonly Placed[]): number =>
      placed.reduce((sum, { server }) => sum + server.kills, 0);
    return {
      origins: apis.map(({ port }) => origin(port)),
      token: await operatorToken(secret),
      databaseUrl: database.url,
      folder,
      startKilling: (inFullSwing) => {
        killers.forEach((killer) => killer.start());
        brokerKiller?.start(inFullSwing);
      },
      stopKilling: async () => {
        for (const killer of killers) killer.stop();
        await brokerKiller?.stop();
        await Promise.all(servers.map((server) => server.ready()));
      },
      losses: () => ({
        workers: kills(workers),
        apis: kills(apis),
        brokers: brokerKiller?.kills ?? 0,
        crashes: [
          ...servers.flatMap(({ crashes }) => crashes),
          ...(brokerKiller?.failure ? [brokerKiller.failure] : []),
        ],
      }),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Placed {
  readonly server: ServerProcess;
  readonly port: number;
}

const origin = (port: number): string => `http://127.0.0.1:${port}`;

async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  while (found.size < count) found.add(await freePort());
  return [...found];
}

/** A process on ports that it keeps when it is started again. */
function place(
  role: 'api' | 'worker',
  index: number,
  own: { readonly port: number; readonly metricsPort: number },
  shared: Pick<ServerOptions, 'env' | 'onPid' | 'mayEnd'> & { readonly folder: string },
): Placed {
  const { port, metricsPort } = own;
  const server = new ServerProcess({
    name: `${role} ${index}`,
    args: [
      '--enable-source-maps',
      fileURLToPath(new URL('../../src/main.js', import.meta.url)),
      '--role',
      role,
    ],
    env: { ...shared.env, PORT: String(port), PROMETHEUS_PORT: String(metricsPort), GRPC_PORT: 'off' },
    readyUrl: `${origin(role === 'api' ? port : metricsPort)}/health/ready`,
    logFile: join(shared.folder, `${role}-${index}.log`),
    mayEnd: shared.mayEnd,
    onPid: shared.onPid,
  });
  return { server, port };
}

/** Everything that the processes know: nothing of the caller's environment may change a rehearsal. */
function environment(
  options: Options,
  own: {
    readonly databaseUrl: string;
    readonly secret: string;
    readonly dataDir: string;
    /** One for all, as behind a balancer: the links in the answers of all api processes are the same. */
    readonly publicUrl: string;
    readonly broker: Readonly<Record<string, string>>;
  },
): Record<string, string> {
  return {
    DATABASE_URL: own.databaseUrl,
    JWT_SECRET: own.secret,
    DATA_DIR: own.dataDir,
    PUBLIC_URL: own.publicUrl,
    LOG_LEVEL: 'warn',
    ...own.broker,
    ...(options.stepSeconds === null ? {} : steps(options, options.stepSeconds)),
  };
}

/** Steps that wait hold no core: as many at once as there are tickets, within reason. */
function steps(options: Options, stepSeconds: readonly number[]): Record<string, string> {
  const concurrency = Math.min(250, Math.max(16, Math.ceil(options.stock / options.workers)));
  return { STEP_SECONDS: stepSeconds.join(','), WORKER_CONCURRENCY: String(concurrency) };
}

async function operatorToken(secret: string): Promise<string> {
  return new SignJWT({ role: 'operator' })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject('operator')
    .setIssuedAt()
    .setExpirationTime('1d')
    .sign(new TextEncoder().encode(secret));
}

/** Somebody who outlives us: see janitor.ts. */
function hireJanitor(
  folder: string,
  dataDir: string,
): { report: ServerOptions['onPid']; dismiss: () => void } {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('./janitor.js', import.meta.url)), folder, dataDir],
    {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
      env: {},
    },
  );
  child.unref();
  child.stdin.on('error', () => undefined);
  const tell = (line: string): void => void child.stdin.write(`${line}\n`);
  return { report: (pid, alive) => tell(`${alive ? '+' : '-'}${pid}`), dismiss: () => tell('done') };
}
