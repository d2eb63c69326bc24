import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRedis } from '../../scripts/support/redis-server.mjs';
import type { OwnServer } from './own-postgres.js';

export const hasRedisServer = (): boolean => spawnSync('redis-server', ['--version']).status === 0;

/** A Redis of the test's own that writes everything down, so that a restart loses nothing. */
export async function startOwnRedis(): Promise<OwnServer> {
  const folder = await mkdtemp(join(tmpdir(), 'fairline-conformance-'));
  const { url, stop: halt, resume } = await startRedis({ folder, isDurable: true });
  return {
    url,
    halt,
    resume,
    stop: async () => {
      await halt();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
