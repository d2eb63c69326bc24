import type { ServiceError } from '@grpc/grpc-js';
import { freePort } from '../../../src/database/embedded/free-port.js';
import { Api, eventually, Ground, jwt, unique } from '../../support/app.js';
import { GrpcClient, refusalOf } from '../../support/grpc.js';
import { AppProcess } from '../../support/process.js';

type Json = ReturnType<typeof JSON.parse>;

jest.setTimeout(120_000);

describe('production', () => {
  it('does not begin in plain text, and says so beside every other mistake', async () => {
    const child = AppProcess.spawn([], { NODE_ENV: 'production' });
    expect((await child.ended).code).toBe(1);
    expect(child.stderr).toMatch(
      /- NODE_ENV=production needs GRPC_TLS_CERT_FILE and GRPC_TLS_KEY_FILE, or GRPC_PORT=off/,
    );
    expect(child.stderr).toContain('- NODE_ENV=production needs DATABASE_URL');
  });
});

describe('several api processes', () => {
  let ground: Ground;
  let port: number;
  let child: AppProcess;
  let api: Api;
  const clients: GrpcClient[] = [];
  const env = async (): Promise<Record<string, string>> =>
    ground.env({
      PORT: String(await freePort()),
      PROMETHEUS_PORT: '0',
      GRPC_PORT: String(port),
      LOG_LEVEL: 'info',
    });
  beforeAll(async () => {
    ground = await Ground.prepare();
    port = await freePort();
    const settings = await env();
    child = AppProcess.spawn(['--role', 'api'], { ...settings, API_PROCESSES: '2' });
    await child.listening();
    api = await Api.at(`http://127.0.0.1:${settings['PORT'] ?? ''}`);
  });
  afterAll(async () => {
    for (const client of clients) client.close();
    await child.stop();
    await ground.release();
  });

  /** Over a connection of its own: the next process takes it. */
  const connect = (): GrpcClient => {
    const client = new GrpcClient(`127.0.0.1:${port}`, undefined, { 'grpc.use_local_subchannel_pool': 1 });
    clients.push(client);
    return client;
  };
  const request = (offer: Json): object => ({
    request: { userId: unique('fan'), units: { tickets: { eventId: offer.eventId } } },
  });

  it('share one port, and their customers one line', async () => {
    const offer = await api.offer();
    const accepted = await Promise.all(
      Array.from({ length: 6 }, () => connect().call('BookingService/ReserveBooking', request(offer))),
    );
    expect(accepted.map(({ acceptance }) => acceptance.seq).sort()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('say that they have no worker', async () => {
    const token = await jwt({ sub: 'a service', role: 'service' });
    expect(
      await connect().refused('BookingWorkerService/DequeueAndProcess', { offerId: 'x', max: 1 }, { token }),
    ).toMatchObject({ status: 'UNIMPLEMENTED', code: 'NOT_SERVED_HERE' });
  });

  it('leave the port to nobody else, who says so and ends', async () => {
    const other = AppProcess.spawn(['--role', 'api'], await env());
    expect((await other.ended).code).toBe(1);
    expect(`${other.stderr}${other.lines.join('\n')}`).toContain(
      `GRPC_PORT: cannot listen on 127.0.0.1:${port}`,
    );
  });

  it('end their streams when they are told to end, so that clients watch elsewhere', async () => {
    const { acceptance } = await connect().call('BookingService/ReserveBooking', request(await api.offer()));
    const stream = connect().stream('BookingService/WatchBooking', acceptance, {
      token: acceptance.token,
      deadlineMs: 60_000,
    });
    let told = 0;
    stream.on('data', () => void told++);
    const ended = new Promise<ServiceError>((done) =>
      stream.on('error', (error: Error) => done(error as ServiceError)),
    );
    await eventually('the first word', async () => (told > 0 ? told : null));
    const stopped = child.stop();
    expect(refusalOf(await ended)).toMatchObject({ status: 'UNAVAILABLE' });
    expect(await stopped).toEqual({ code: 0, signal: null });
  });
});
