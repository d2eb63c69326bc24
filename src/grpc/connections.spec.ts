import { once } from 'node:events';
import { connect as open, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import { boundConnections } from './connections.js';

const CHECK = '/grpc.health.v1.Health/Check';
const elsewhere = Object.values(networkInterfaces())
  .flat()
  .find((at) => at?.family === 'IPv4' && !at.internal)?.address;

describe('a server of gRPC within bounds', () => {
  let server: Server;
  let port: number;
  const sessions: ClientHttp2Session[] = [];
  beforeAll(async () => {
    server = new Server();
    new HealthImplementation({ '': 'SERVING' }).addToServer(server);
    port = await new Promise<number>((done, failed) =>
      server.bindAsync('0.0.0.0:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? done(bound) : failed(error),
      ),
    );
    boundConnections(server, { perProcess: 4, perAddress: 2, requestMs: 300 });
  });
  afterEach(() => {
    for (const session of sessions.splice(0)) session.destroy();
  });
  afterAll(() => server.forceShutdown());

  function request(path: string): ClientHttp2Stream {
    const session = open(`http://127.0.0.1:${port}`);
    sessions.push(session);
    session.on('error', () => undefined);
    const head = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' };
    const stream = session.request(head);
    stream.on('error', () => undefined);
    return stream.resume();
  }
  /** How the call ended, and that its stream is over on both sides. */
  async function end(stream: ClientHttp2Stream): Promise<unknown> {
    const answer = once(stream, 'response');
    await once(stream, 'close');
    return (await answer)[0]['grpc-status'];
  }

  it('lets go of a message that does not come whole, and of one whose end is not said', async () => {
    const half = request(CHECK);
    half.write(Buffer.from([0, 0, 0, 0, 9, 1]));
    const endless = request(CHECK);
    endless.write(Buffer.alloc(5));
    expect(await Promise.all([end(half), end(endless)])).toEqual(['4', '4']);
  });

  it('lets go of what it refused and is still sent', async () => {
    expect(await end(request('/nobody.Knows/This'))).toBe('12');
  });

  it('lets a call go on whose request is whole', async () => {
    const watch = request('/grpc.health.v1.Health/Watch');
    watch.end(Buffer.alloc(5));
    await once(watch, 'response');
    await new Promise((later) => setTimeout(later, 600));
    expect(watch.closed).toBe(false);
  });

  const opened = async (host: string): Promise<boolean> => {
    const socket = connect(port, host);
    socket.on('error', () => undefined);
    sockets.push(socket);
    return Promise.race([once(socket, 'data').then(() => true), once(socket, 'close').then(() => false)]);
  };
  const sockets: ReturnType<typeof connect>[] = [];
  afterEach(async () => {
    const gone = sockets.splice(0).map(async (socket) => {
      if (!socket.closed) await once(socket.destroy(), 'close');
    });
    await Promise.all(gone);
    await new Promise((later) => setTimeout(later, 50));
  });

  it('has so many connections and no more', async () => {
    const all = [];
    for (let n = 0; n < 5; n++) all.push(await opened('127.0.0.1'));
    expect(all).toEqual([true, true, true, true, false]);
  });

  // Two machines in one: nobody is told apart where there is no network at all.
  if (elsewhere !== undefined)
    it('has so many of one address, but for this machine itself', async () => {
      const all = [];
      for (let n = 0; n < 3; n++) all.push(await opened(elsewhere));
      expect(all).toEqual([true, true, false]);
      sockets.shift()?.destroy();
      await new Promise((later) => setTimeout(later, 50));
      expect(await opened(elsewhere)).toBe(true);
    });
});
