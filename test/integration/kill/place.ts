import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppProcess, type AppOptions } from '../../../bench/support/app-process.js';
import { createOffer, operatorToken, type OfferWish } from '../../../bench/support/operator.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';

/** The compiled tree that `npm test` built. */
const DIST = process.env['FAIRLINE_DIST'] ?? resolve('dist');
const SECRET = 'the secret of the kill tests, long enough for HS256';

/** Ports are free ones, unless the test names one. */
const FREE_PORTS = { PORT: '0', PROMETHEUS_PORT: '0', GRPC_PORT: 'off' };

type Env = Readonly<Record<string, string>>;

/** A database and a folder of its own, and real processes of the application on them. */
export class Place {
  private readonly apps = new Set<AppProcess>();

  private constructor(
    private readonly database: TestDatabase,
    readonly folder: string,
    readonly token: string,
  ) {}

  static async prepare(): Promise<Place> {
    const database = await createTestDatabase();
    const folder = await mkdtemp(join(tmpdir(), 'fairline-kill-'));
    await chmod(folder, 0o755);
    return new Place(database, folder, await operatorToken(SECRET));
  }

  get databaseUrl(): string {
    return this.database.url;
  }

  /** A process that listens. The place ends it, should the test not. */
  async start(role: 'api' | 'worker' | 'all', env: Env = {}): Promise<AppProcess> {
    const app = await AppProcess.start(this.options(role, env));
    this.apps.add(app);
    return app;
  }

  /** A process that is expected to end by itself. */
  runToEnd(role: 'api' | 'worker' | 'all', env: Env): ReturnType<typeof AppProcess.runToEnd> {
    return AppProcess.runToEnd(this.options(role, env));
  }

  offer(url: string, wish: OfferWish): Promise<string> {
    return createOffer(url, this.token, wish);
  }

  async close(): Promise<void> {
    await Promise.all([...this.apps].map((app) => app.stop()));
    await this.database.drop();
    await rm(this.folder, { recursive: true, force: true });
  }

  private options(role: string, env: Env): AppOptions {
    return {
      main: join(DIST, 'src/main.js'),
      args: ['--role', role],
      env: {
        ...FREE_PORTS,
        DATABASE_URL: this.databaseUrl,
        DATA_DIR: join(this.folder, 'data'),
        JWT_SECRET: SECRET,
        ...env,
      },
    };
  }
}

/** Waits until the answer is not null. @throws Error naming what was waited for */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | null>,
  withinMs = 30_000,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== null) return answer;
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await sleep(50);
  }
}
