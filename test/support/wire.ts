import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { Client } from 'pg';

/** A way to a server that can be cut at the client's end alone: the server does not hear of it. */
export interface Wire {
  /** The server's address by this way. */
  readonly url: string;
  /** Every connection there is; later ones get through. */
  cut(): void;
  close(): Promise<void>;
}

/** @param url of a PostgreSQL, by TCP or by its local socket */
export async function openWire(url: string): Promise<Wire> {
  const { host, port, database = '', user = '', password = '' } = new Client({ connectionString: url });
  const clients = new Set<Socket>();
  const servers = new Set<Socket>();
  const wire = createServer((client) => {
    const server = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host);
    for (const socket of [client, server]) socket.on('error', () => undefined);
    clients.add(client);
    servers.add(server);
    client.pipe(server, { end: false });
    server.pipe(client);
  });
  await new Promise<void>((resolve) => wire.listen(0, '127.0.0.1', resolve));
  const here = new URL(`postgres://127.0.0.1:${(wire.address() as AddressInfo).port}/${database}`);
  Object.assign(here, { username: user, password });
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
