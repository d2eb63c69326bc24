import type { ClientReadableStream, ServiceError } from '@grpc/grpc-js';
import { freePort } from '../../../src/database/embedded/free-port.js';
import { startApp, unique, type TestApp } from '../../support/app.js';
import { GrpcClient, refusalOf } from '../../support/grpc.js';

type Json = ReturnType<typeof JSON.parse>;

describe('a server of gRPC for both families of addresses', () => {
  let test: TestApp;
  let port: number;
  const clients: GrpcClient[] = [];
  beforeAll(async () => {
    port = await freePort();
    test = await startApp({ HOST: '::', GRPC_PORT: String(port), GRPC_CONNECTIONS_PER_PROCESS: '3' });
  });
  afterAll(async () => {
    for (const client of clients) client.close();
    await test.close();
  });

  const connect = (host: string): GrpcClient => {
    const client = new GrpcClient(`${host}:${port}`, undefined, { 'grpc.use_local_subchannel_pool': 1 });
    clients.push(client);
    return client;
  };
  const join = async (client: GrpcClient, offer: Json): Promise<Json> => {
    const request = { userId: unique('fan'), units: { tickets: { eventId: offer.eventId } } };
    return (await client.call('BookingService/ReserveBooking', { request })).acceptance;
  };

  it('knows each caller by an address as it is written everywhere else', async () => {
    const offer = await test.api.offer();
    const [four, six] = [await join(connect('127.0.0.1'), offer), await join(connect('[::1]'), offer)];
    const rows = await test.ground.sql(
      `select booking_id, address from audit_event where action = 'accept' and booking_id = any($1)`,
      [[four.bookingId, six.bookingId]],
    );
    expect(new Map(rows.map(({ booking_id, address }) => [booking_id, address]))).toEqual(
      new Map([
        [four.bookingId, '127.0.0.1'],
        [six.bookingId, '::1'],
      ]),
    );
  });

  it('gives one booking sixteen streams, and other bookings theirs', async () => {
    const client = connect('127.0.0.1');
    const offer = await test.api.offer();
    const [mine, other] = [await join(client, offer), await join(client, offer)];
    const streams: ClientReadableStream<Json>[] = [];
    const watch = ({ bookingId, token }: Json): Promise<string | undefined> =>
      new Promise((told) => {
        const stream = client.stream('BookingService/WatchBooking', { bookingId }, { token });
        streams.push(stream);
        stream.on('data', () => told('told'));
        stream.on('error', (error: Error) => told(refusalOf(error as ServiceError).code));
      });
    for (let n = 0; n < 16; n++) expect(await watch(mine)).toBe('told');
    expect(await watch(mine)).toBe('RATE_LIMITED');
    expect(await watch(other)).toBe('told');
    for (const stream of streams) stream.cancel();
  });

  it('takes so many connections and no more', async () => {
    expect(await connect('127.0.0.1').refused('BookingService/GetBooking', { bookingId: 'x' })).toMatchObject(
      { status: 'UNAVAILABLE' },
    );
  });
});
