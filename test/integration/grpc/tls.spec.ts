import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import { makeAuthority, makeCertificate, type Pair } from '../../../scripts/support/certificates.mjs';
import { freePort } from '../../../src/database/embedded/free-port.js';
import { jwt, newOffer, startApp, unique, type TestApp } from '../../support/app.js';
import { GrpcClient } from '../../support/grpc.js';

let folder: string;
let test: TestApp;
let port: number;
let ca: Pair;
let settings: Record<string, string>;
const clients: GrpcClient[] = [];

const AUDIENCE = 'fairline-of-the-tests';
const token = (claims: object): Promise<string> => jwt({ aud: AUDIENCE, ...claims });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fairline-certificates-'));
  ca = makeAuthority(folder);
  const server = makeCertificate(ca, folder, { name: 'server', alternatives: ['DNS:localhost'] });
  port = await freePort();
  settings = {
    GRPC_PORT: String(port),
    GRPC_TLS_CERT_FILE: server.cert,
    GRPC_TLS_KEY_FILE: server.key,
    GRPC_TLS_CA_FILE: ca.cert,
    GRPC_SERVICE_NAMES: 'worker.internal, spiffe://fairline/worker, known-by-its-common-name',
    JWT_AUDIENCE: AUDIENCE,
    RATE_LIMIT_PER_CUSTOMER: '3/3600s',
  };
  test = await startApp(settings);
});
afterAll(async () => {
  for (const client of clients) client.close();
  await test.close();
  rmSync(folder, { recursive: true, force: true });
});

function connect(how = credentials.createInsecure()): GrpcClient {
  const client = new GrpcClient(`localhost:${port}`, how);
  clients.push(client);
  return client;
}

/** With this certificate, or with none. */
function secure(own: Pair | null, authority = ca): GrpcClient {
  const pem = (path: string): Buffer => readFileSync(path);
  return connect(
    own === null
      ? credentials.createSsl(pem(authority.cert))
      : credentials.createSsl(pem(authority.cert), pem(own.key), pem(own.cert)),
  );
}
const certificate = (...alternatives: string[]): Pair =>
  makeCertificate(ca, folder, { name: unique('client'), alternatives });

const LINE = ['BookingWorkerService/GetQueueStatus', { offerId: 'unknown' }] as const;
const WORK = ['BookingWorkerService/DequeueAndProcess', { offerId: 'unknown', max: 1 }] as const;
/** What somebody learns who is let in. */
const LET_IN = { status: 'NOT_FOUND', code: 'OFFER_NOT_FOUND' };
/** The connection never comes to be. */
const SHUT_OUT = { status: 'UNAVAILABLE', code: undefined };

describe('a server with certificates', () => {
  it('lets in who has one that its authority has signed', async () => {
    expect(await secure(certificate()).refused(...LINE)).toMatchObject(LET_IN);
  });

  it.each<[string, () => GrpcClient]>([
    ['has none', () => secure(null)],
    ['speaks in plain text', () => connect()],
    [
      'has one of another authority',
      () => {
        const other = makeAuthority(folder, unique('other'));
        return secure(makeCertificate(other, folder, { name: unique('client') }));
      },
    ],
    ['has one that is over', () => secure(makeCertificate(ca, folder, { name: unique('client'), days: 0 }))],
    [
      'trusts another authority than the server’s',
      () => secure(certificate(), makeAuthority(folder, unique('other'))),
    ],
  ])('shuts out who %s', async (_, client) => {
    expect(await client().refused(...LINE)).toMatchObject(SHUT_OUT);
  });

  it.each([
    ['a DNS name', () => certificate('DNS:elsewhere.internal', 'DNS:worker.internal')],
    ['a URI', () => certificate('URI:spiffe://fairline/worker')],
    [
      'a common name where there is no other',
      () => makeCertificate(ca, folder, { name: 'known-by-its-common-name' }),
    ],
  ])('takes who is named for a service by %s', async (_, own) => {
    expect(await secure(own()).refused(...WORK)).toMatchObject(LET_IN);
  });

  it.each([
    ['by no name that is listed', () => certificate('DNS:worker.internal.elsewhere')],
    [
      'by a common name beside another name',
      () =>
        makeCertificate(ca, folder, {
          name: 'known-by-its-common-name',
          alternatives: ['DNS:else.internal'],
        }),
    ],
  ])('takes nobody for a service %s', async (_, own) => {
    expect(await secure(own()).refused(...WORK)).toMatchObject({
      status: 'UNAUTHENTICATED',
      code: 'UNAUTHENTICATED',
    });
  });

  it('takes a service that forwards somebody’s token for that somebody alone', async () => {
    const gateway = secure(certificate('DNS:worker.internal'));
    for (const claims of [{ sub: 'ann' }, { sub: 'op', role: 'operator' }])
      expect(await gateway.refused(...WORK, { token: await token(claims) })).toMatchObject({
        status: 'PERMISSION_DENIED',
        code: 'FORBIDDEN',
      });
    const operator = await token({ sub: 'op', role: 'operator' });
    const { body: offer } = await test.api.post('/api/offers', newOffer(), operator).expect(201);
    const booked = await test.api.book(offer);
    expect(await gateway.refused('BookingService/GetBooking', booked)).toMatchObject({
      code: 'BOOKING_NOT_FOUND',
    });
    const { booking } = await gateway.call('BookingService/GetBooking', booked, { token: booked.token });
    expect(booking.bookingId).toBe(booked.bookingId);
  });
});

describe('a token', () => {
  it('for another audience, or signed by somebody else, or over, opens nothing', async () => {
    const client = secure(certificate());
    const bad = [
      await jwt({ sub: 'ann' }),
      await jwt({ sub: 'ann', aud: 'else' }),
      await token({ sub: 'a', exp: 1 }),
    ];
    for (const sent of [...bad, `${await token({ sub: 'ann' })}x`])
      for (const [path, message] of [LINE, WORK])
        expect(await client.refused(path, message, { token: sent })).toMatchObject({
          status: 'UNAUTHENTICATED',
          code: 'UNAUTHENTICATED',
        });
    const good = await token({ sub: 'a service', role: 'service' });
    expect(await client.refused(...WORK, { token: good })).toMatchObject(LET_IN);
  });
});

describe('a customer who asks too often', () => {
  it('is told when to come again, at either door, and a service is not', async () => {
    const client = secure(certificate());
    const sub = unique('busy');
    const asked = { request: { userId: sub, units: { tickets: { eventId: 'unknown' } } } };
    const ask = async (claims: object) =>
      client.refused('BookingService/ReserveBooking', asked, { token: await token(claims) });
    for (let times = 0; times < 3; times++) expect(await ask({ sub })).toMatchObject(LET_IN);
    const refused = await ask({ sub });
    expect(refused).toMatchObject({ status: 'RESOURCE_EXHAUSTED', code: 'RATE_LIMITED' });
    expect(Number(refused.metadata['retry-after'])).toBeGreaterThan(0);
    expect(refused.details['RetryInfo'].retryDelay.seconds).toBeGreaterThan(0);
    const { body } = await test.api
      .post('/api/bookings', { userId: sub, eventId: 'unknown' }, await token({ sub }))
      .expect(429);
    expect(body.code).toBe('RATE_LIMITED');
    for (let times = 0; times < 5; times++)
      expect(await ask({ sub: 'a service', role: 'service' })).toMatchObject(LET_IN);
  });
});

describe('a certificate that cannot be used', () => {
  it('is named at start', async () => {
    const broken = join(folder, 'broken.pem');
    writeFileSync(broken, 'no certificate');
    const other = certificate();
    for (const [name, path] of [
      ['GRPC_TLS_CERT_FILE', broken],
      ['GRPC_TLS_CA_FILE', join(folder, 'absent.pem')],
      ['GRPC_TLS_KEY_FILE', other.key],
    ] as const)
      await expect(startApp({ ...settings, [name]: path }, test.ground)).rejects.toThrow(`${name}: ${path}`);
  });
});

describe('npm run certs', () => {
  it('makes an authority and what it signs, once, and says what to export', () => {
    const made = join(folder, 'made');
    const certs = (): string =>
      execFileSync(process.execPath, ['scripts/certs.mjs', made], { encoding: 'utf8' });
    const read = (name: string): X509Certificate => new X509Certificate(readFileSync(join(made, name)));
    const exported = certs();
    const authority = read('ca.pem');
    expect(exported).toContain(`export GRPC_TLS_CA_FILE=${join(made, 'ca.pem')}`);
    for (const name of ['server.pem', 'client.pem'])
      expect(read(name).verify(authority.publicKey)).toBe(true);
    expect(read('server.pem').checkHost('localhost')).toBe('localhost');
    expect(statSync(join(made, 'server-key.pem')).mode & 0o077).toBe(0);
    certs();
    expect(read('ca.pem').fingerprint256).toBe(authority.fingerprint256);
  });
});

describe('a port that somebody has', () => {
  it('is named at start', async () => {
    await expect(startApp(settings, test.ground)).rejects.toThrow(
      `GRPC_PORT: cannot listen on 127.0.0.1:${port}`,
    );
  });
});
