import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbedded } from '../../src/database/embedded/embedded-postgres.js';

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
  await address.open(portOf(server.url));
  const url = new URL(server.url);
  url.hostname = '127.0.0.1';
  url.port = String(address.port);
  return {
    url: url.href,
    halt: async () => {
      await server.stop();
      await address.close();
    },
    resume: async () => {
      server = await startEmbedded({ dataDir });
      await address.open(portOf(server.url));
    },
    stop: async () => {
      await address.close();
      await server.discard();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const portOf = (url: string): number => Number(new URL(url).port);

/** Passes connections on to a server on this machine; refuses them while closed. */
class StableAddress {
  port = 0;
  private server: Server | null = null;
  private readonly sockets = new Set<Socket>();

  async open(targetPort: number): Promise<void> {
    const server = createServer((client) => {
      const target = connect({ host: '127.0.0.1', port: targetPort });
      for (const [from, to] of [
        [client, target],
        [target, client],
      ] as const) {
        this.sockets.add(from);
        from.on('error', () => to.destroy());
        from.on('close', () => {
          this.sockets.delete(from);
          to.destroy();
        });
        from.pipe(to);
      }
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: '127.0.0.1', port: this.port }, resolve);
    });
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('The address is no port');
    this.port = address.port;
    this.server = server;
  }

  async close(): Promise<void> {
    const { server } = this;
    this.server = null;
    if (server === null) return;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}
