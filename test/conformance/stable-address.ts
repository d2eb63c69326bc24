import { connect, createServer, type Server, type Socket } from 'node:net';

/** An address on this machine that passes connections on to a server, refuses them while closed, or cuts them off. */
export class StableAddress {
  /** Connections that were made to it. */
  dialled = 0;
  /** Ends each new connection at once, as a proxy does whose server is away. */
  cutting = false;
  private port = 0;
  private target = { host: '127.0.0.1', port: 0 };
  private server: Server | null = null;
  private readonly sockets = new Set<Socket>();

  /** The URL of a server, by way of this address. */
  of(serverUrl: string): string {
    const url = new URL(serverUrl);
    url.searchParams.delete('host');
    url.hostname = '127.0.0.1';
    url.port = String(this.port);
    return url.href;
  }

  async open(target: URL): Promise<void> {
    this.leadTo(target);
    const server = createServer((client) => {
      this.dialled += 1;
      if (this.cutting) client.destroy();
      else this.join(client, connect(this.target));
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

  /** Connections that are made from now on; those that there are stay where they are. */
  leadTo(target: URL): void {
    this.target = { host: target.hostname, port: Number(target.port) || 5432 };
  }

  async close(): Promise<void> {
    const { server } = this;
    this.server = null;
    if (server === null) return;
    const closed = new Promise((resolve) => server.close(resolve));
    this.cut();
    await closed;
  }

  /** Ends the connections that there are. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  private join(client: Socket, target: Socket): void {
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
  }
}
