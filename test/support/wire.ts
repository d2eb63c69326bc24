import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A way to a server that can be cut at the client's end alone: the server does not hear of it. */
export interface Wire {
  /** The server's address by this way. */
  readonly url: string;
  /** Every connection there is; later ones get through. */
  cut(): void;
  close(): Promise<void>;
}

/** @param url of a server of PostgreSQL, by TCP */
export async function openWire(url: string): Promise<Wire> {
  const there = new URL(url);
  const clients = new Set<Socket>();
  const servers = new Set<Socket>();
  const wire = createServer((client) => {
    const server = connect(Number(there.port || 5432), there.hostname);
    for (const socket of [client, server]) socket.on('error', () => undefined);
    clients.add(client);
    servers.add(server);
    client.pipe(server, { end: false });
    server.pipe(client);
  });
  await new Promise<void>((resolve) => wire.listen(0, '127.0.0.1', resolve));
  const here = new URL(url);
  here.host = `127.0.0.1:${(wire.address() as AddressInfo).port}`;
  const cut = (): void => {
    for (const client of clients) client.destroy();
    clients.clear();
  };
  return {
    url: here.href,
    cut,
    close: () => {
      cut();
      for (const server of servers) server.destroy();
      return new Promise((resolve) => wire.close(() => resolve()));
    },
  };
}
