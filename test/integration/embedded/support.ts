import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { Client } from 'pg';
import {
  type EmbeddedPostgres,
  findEmbedded,
  startEmbedded,
} from '../../../src/database/embedded/embedded-postgres.js';

export interface Started {
  readonly url: string;
  readonly adopted: boolean;
  readonly folder: string;
  readonly notice: string | null;
}

/** A process of its own that uses the embedded database of a folder until told to stop. */
export interface Owner {
  readonly started: Started;
  readonly process: ChildProcess;
  /** As its user would end it: it stops its use and exits. */
  stop(): Promise<void>;
  kill(): Promise<void>;
}

const PROGRAM = `
const [file, dataDir] = process.argv.slice(1);
const { startEmbedded } = await import(file);
const { stop, discard, ...started } = await startEmbedded({ dataDir });
process.stdout.write(JSON.stringify(started) + '\\n');
process.stdin.once('data', async () => { await stop(); process.exit(0); });
`;

/** Runs the built product, because Node alone starts it: no test runner, and no variable but those given. */
export async function startInProcess(dataDir: string, env: NodeJS.ProcessEnv = {}): Promise<Owner> {
  const dist = process.env['FAIRLINE_DIST'] ?? resolve('dist');
  const file = pathToFileURL(join(dist, 'src/database/embedded/embedded-postgres.js')).href;
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM, file, dataDir], {
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stdout });
  const line = await Promise.race([
    once(lines, 'line').then(([text]) => String(text)),
    exited.then(([code]) => Promise.reject(new Error(`The process ended with ${String(code)}`))),
  ]);
  return {
    started: parseStarted(line),
    process: child,
    stop: async () => {
      child.stdin.write('stop\n');
      await exited;
    },
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

function parseStarted(line: string): Started {
  const value: unknown = JSON.parse(line);
  if (typeof value === 'object' && value !== null && 'url' in value && 'folder' in value) {
    const { url, folder } = value;
    const adopted = 'adopted' in value && value.adopted === true;
    const notice = 'notice' in value && typeof value.notice === 'string' ? value.notice : null;
    if (typeof url === 'string' && typeof folder === 'string') return { url, folder, adopted, notice };
  }
  throw new Error(`Not an answer: ${line}`);
}

/** A data folder for one test, and what was started on it. */
export interface Ground {
  readonly dataDir: string;
  /** On `dataDir`, or another folder below it. */
  start(folder?: string): Promise<EmbeddedPostgres>;
  /** Stops and deletes everything that the test left. */
  remove(): Promise<void>;
}

/** @param mode of the temporary folder around the data folder, which does not exist yet. */
export async function newGround(mode = 0o755): Promise<Ground> {
  const around = await mkdtemp(join(tmpdir(), 'fairline-embedded-'));
  await chmod(around, mode);
  const dataDir = join(around, 'made', 'on', 'demand');
  const databases: EmbeddedPostgres[] = [];
  const start = async (folder = dataDir): Promise<EmbeddedPostgres> => {
    const database = await startEmbedded({ dataDir: folder });
    databases.push(database);
    return database;
  };
  return {
    dataDir,
    start,
    remove: async () => {
      // What a killed process left running is adopted first.
      if ((await findEmbedded(dataDir)) !== null) await start();
      for (const database of databases) await database.discard();
      for (const { folder } of databases) await rm(folder, { recursive: true, force: true });
      await rm(around, { recursive: true, force: true });
    },
  };
}

/** The first column of a query's rows, as text. */
export async function ask(url: string, text: string): Promise<string[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  // A server that goes away is told by the query's own failure.
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(text);
    return rows.map((row) => String(Object.values(row)[0]));
  } finally {
    await client.end();
  }
}
