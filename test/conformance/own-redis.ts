import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from '../../src/database/embedded/free-port.js';
import type { OwnServer } from './own-postgres.js';
import { until } from './bench.js';

export const hasRedisServer = (): boolean => spawnSync('redis-server', ['--version']).status === 0;

/** A Redis of the test's own that writes everything down, so that a restart loses nothing. */
export async function startOwnRedis(): Promise<OwnServer> {
  const folder = await mkdtemp(join(tmpdir(), 'fairline-conformance-'));
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  let server = await start(folder, port, url);
  return {
    url,
    halt: () => end(server),
    resume: async () => {
      server = await start(folder, port, url);
    },
    stop: async () => {
      await end(server);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function start(folder: string, port: number, url: string): Promise<ChildProcess> {
  const options = [
    '--port',
    port,
    '--bind',
    '127.0.0.1',
    '--dir',
    folder,
    '--save',
    '',
    '--appendonly',
    'yes',
  ];
  const server = spawn('redis-server', options.map(String), { stdio: 'ignore' });
  const probe = new Redis(url, { retryStrategy: () => 50, maxRetriesPerRequest: null });
  probe.on('error', () => undefined);
  try {
    await until('Redis answers', () => probe.status === 'ready' || server.exitCode !== null);
    if (server.exitCode !== null) throw new Error(`redis-server ended with ${server.exitCode}`);
  } finally {
    probe.disconnect();
  }
  return server;
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = once(server, 'exit');
  server.kill('SIGTERM');
  await ended;
}
