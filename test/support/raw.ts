import { connect, type Socket } from 'node:net';

/** A client that speaks what it likes: bytes on a connection. */
export class RawClient {
  /** Everything that came back. */
  text = '';
  readonly closed: Promise<void>;

  private constructor(private readonly socket: Socket) {
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => (this.text += chunk));
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  static async at(url: string, from?: string): Promise<RawClient> {
    const { hostname, port } = new URL(url);
    const socket = connect({
      host: hostname,
      port: Number(port),
      ...(from === undefined ? {} : { localAddress: from }),
    });
    const client = new RawClient(socket);
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return client;
  }

  send(text: string): void {
    this.socket.write(text);
  }

  /** Sends one request and resolves with all that came until the server closed. */
  static async exchange(url: string, request: string): Promise<string> {
    const client = await RawClient.at(url);
    client.send(request);
    await client.closed;
    return client.text;
  }

  end(): void {
    this.socket.destroy();
  }
}
