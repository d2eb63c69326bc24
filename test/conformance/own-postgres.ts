import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbedded } from '../../src/database/embedded/embedded-postgres.js';
import { StableAddress } from './stable-address.js';

export interface OwnServer {
  readonly url: string;
  halt(): Promise<void>;
  resume(): Promise<void>;
  stop(): Promise<void>;
}

/** A PostgreSQL of the test's own. Each start gives it another port, so it is reached through an address that stays. */
export async function startOwnPostgres(): Promise<OwnServer> {
  const folder = await mkdtemp(join(tmpdir(), 'fairline-conformance-'));
  await chmod(folder, 0o755);
  const dataDir = join(folder, 'data');
  let server = await startEmbedded({ dataDir });
  const address = new StableAddress();
  await address.open(new URL(server.url));
  return {
    url: address.of(server.url),
    halt: async () => {
      await server.stop();
      await address.close();
    },
    resume: async () => {
      server = await startEmbedded({ dataDir });
      await address.open(new URL(server.url));
    },
    stop: async () => {
      await address.close();
      await server.discard();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
