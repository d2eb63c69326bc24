import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { startEmbedded } from '../../src/database/embedded/embedded-postgres.js';

/**
 * Cleans up after a rehearsal that was killed before it could. It reads lines (`+pid`, `-pid`, `done`) from the
 * rehearsal; where they end without `done`, it ends the processes that are left, the database, and the folder.
 */
async function main(folder: string, dataDir: string): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
  const pids = new Set<number>();
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'done') return;
    const pid = Number(line.slice(1));
    if (line.startsWith('+')) pids.add(pid);
    else pids.delete(pid);
  }
  for (const pid of pids) end(pid);
  await (await startEmbedded({ dataDir })).discard().catch(() => undefined);
  await rm(folder, { recursive: true, force: true });
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

const [folder, dataDir] = process.argv.slice(2);
if (folder !== undefined && dataDir !== undefined) await main(folder, dataDir);
