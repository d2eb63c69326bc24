import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http2';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServerCredentials, status } from '@grpc/grpc-js';
import { makeAuthority, makeCertificate, type Pair } from '../../../scripts/support/certificates.mjs';
import { loadConfig } from '../../../src/config/load.js';
import { GrpcRemotes } from '../../../src/remote/grpc-remotes.js';
import { RemoteError, type CallOutcome } from '../../../src/remote/remotes.js';
import { eventually } from '../../support/app.js';
import { RemoteStandIn } from '../../support/remote-stand-in.js';

const UNITS = { tickets: { eventId: 'event', quantity: 1 } };
const RESERVATION = { bookingId: 'one', fence: 1, units: UNITS };

describe('a call of another service', () => {
  let folder: string;
  let ca: Pair;
  let server: Pair;
  let standIn: RemoteStandIn;
  let open: GrpcRemotes[] = [];
  let logged: string[] = [];

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'fairline-remote-'));
    ca = makeAuthority(folder);
    server = makeCertificate(ca, folder, { name: 'server', alternatives: ['DNS:tickets.internal'] });
  });
  afterEach(() => {
    for (const remotes of open) remotes.close();
    open = [];
    logged = [];
    standIn.stop();
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const remotes = (env: Readonly<Record<string, string>> = {}): GrpcRemotes => {
    const { remote } = loadConfig({ GRPC_TICKET_SERVICE_URL: standIn.url, ...env });
    const made = new GrpcRemotes(remote, (service, state) => logged.push(`${service} ${state}`));
    open.push(made);
    return made;
  };
  const reserve = async (of: GrpcRemotes): Promise<object> =>
    (await of.caller('ticket')?.call('Reserve', RESERVATION)) ?? {};
  /** How it failed. */
  const failure = async (of: GrpcRemotes): Promise<RemoteError> => {
    const error = await reserve(of).catch((caught: unknown) => caught);
    if (!(error instanceof RemoteError)) throw new Error(`it did not fail: ${JSON.stringify(error)}`);
    return error;
  };

  describe('by TLS', () => {
    const secured = (): Promise<RemoteStandIn> => {
      const pair = { private_key: readFileSync(server.key), cert_chain: readFileSync(server.cert) };
      return RemoteStandIn.start(ServerCredentials.createSsl(readFileSync(ca.cert), [pair], true));
    };
    const asOurselves = (own = makeCertificate(ca, folder, { name: 'worker' })): Record<string, string> => ({
      GRPC_CLIENT_TLS: 'true',
      GRPC_CLIENT_TLS_CA_FILE: ca.cert,
      GRPC_CLIENT_TLS_CERT_FILE: own.cert,
      GRPC_CLIENT_TLS_KEY_FILE: own.key,
      GRPC_CLIENT_TLS_SERVER_NAME: 'tickets.internal',
    });

    beforeEach(async () => {
      standIn = await secured();
    });

    it('shows our certificate, and believes one of its authority and name', async () => {
      expect(await reserve(remotes(asOurselves()))).toMatchObject({ reservation: { bookingId: 'one' } });
    });

    it('goes to nobody else: another name, another authority, plain text, or without a certificate of ours', async () => {
      const other = makeAuthority(folder, 'other');
      const { GRPC_CLIENT_TLS_CERT_FILE: _, GRPC_CLIENT_TLS_KEY_FILE: __, ...unknown } = asOurselves();
      for (const env of [
        { ...asOurselves(), GRPC_CLIENT_TLS_SERVER_NAME: 'elsewhere.internal' },
        { ...asOurselves(), GRPC_CLIENT_TLS_CA_FILE: other.cert },
        asOurselves(makeCertificate(other, folder, { name: 'stranger' })),
        unknown,
        {},
      ])
        expect((await failure(remotes(env))).outcome).not.toBe('refused');
      expect(standIn.told).toEqual([]);
    });

    it('is made with the certificates that the files have when the service comes back', async () => {
      const own = makeCertificate(ca, folder, { name: 'rotated' });
      const good = [readFileSync(own.cert), readFileSync(own.key)] as const;
      const stranger = makeCertificate(makeAuthority(folder, 'older'), folder, { name: 'old' });
      writeFileSync(own.cert, readFileSync(stranger.cert));
      writeFileSync(own.key, readFileSync(stranger.key));
      const calling = remotes({ ...asOurselves(own), GRPC_CLIENT_DEADLINE_MS: '200' });
      await eventually('no call going out any more', async () => {
        await reserve(calling).catch(() => undefined);
        return calling.states().get('ticket') === 'down' ? true : null;
      });
      writeFileSync(own.cert, good[0]);
      writeFileSync(own.key, good[1]);
      await eventually('a call that succeeds', () => reserve(calling).catch(() => null));
    });
  });

  describe('in plain text', () => {
    beforeEach(async () => {
      standIn = await RemoteStandIn.start();
    });

    it('carries the token that its file has', async () => {
      const file = join(folder, 'token');
      writeFileSync(file, 'first\n');
      await reserve(remotes({ GRPC_CLIENT_TOKEN_FILE: file }));
      expect(standIn.told.map(({ authorization }) => authorization)).toEqual(['Bearer first']);
    });

    it('is repeated where the service was away for a moment, within its deadline', async () => {
      standIn.fate = () => (standIn.told.length < 3 ? { status: status.UNAVAILABLE } : 'done');
      await reserve(remotes());
      expect(standIn.told).toHaveLength(3);
    });

    it('is repeated under a budget: who is away for all is not called four times for each', async () => {
      standIn.fate = () => ({ status: status.UNAVAILABLE });
      const calling = remotes();
      const calls = 40;
      await Promise.all(Array.from({ length: calls }, () => reserve(calling).catch(() => undefined)));
      expect(standIn.told.length).toBeLessThan(1.5 * calls);
    });

    it('that brings no answer in time may have arrived; one that is refused did not', async () => {
      const outcomes: CallOutcome[] = [];
      const calling = remotes({ GRPC_CLIENT_DEADLINE_MS: '100' });
      calling.watch((_, outcome) => outcomes.push(outcome));
      standIn.fate = () => 'unheard';
      expect(await failure(calling)).toMatchObject({ outcome: 'unknown', status: 'DEADLINE_EXCEEDED' });
      standIn.fate = () => ({ status: status.FAILED_PRECONDITION, code: 'SOLD_OUT' });
      expect(await failure(calling)).toMatchObject({ outcome: 'refused', code: 'SOLD_OUT' });
      standIn.fate = () => ({ status: status.UNAUTHENTICATED });
      expect(await failure(calling)).toMatchObject({ outcome: 'unsent' });
      expect(outcomes).toEqual(['unknown', 'refused', 'unsent']);
    });

    it('may have arrived where the service dies over it, whatever becomes of its repetitions', async () => {
      const { port } = standIn;
      standIn.stop();
      const carriedOut: string[] = [];
      const server = createServer();
      const sockets: Socket[] = [];
      server.on('connection', (socket: Socket) => sockets.push(socket));
      server.on('session', (session) => session.on('error', () => undefined));
      server.on('stream', (stream, { ':path': path }) => {
        stream.on('error', () => undefined);
        if (!path?.endsWith('/Reserve')) return stream.close();
        carriedOut.push(path);
        server.close();
        for (const socket of sockets) socket.destroy();
      });
      await new Promise<void>((done) => server.listen(port, '127.0.0.1', done));
      const error = await failure(remotes());
      expect(carriedOut).toHaveLength(1);
      // what the last of its repetitions met
      expect(String(error.cause)).toContain('No connection established');
      expect(error).toMatchObject({ outcome: 'unknown' });
    });

    it('is known not to have been made where there is no connection, and why there is none', async () => {
      standIn.stop();
      const error = await failure(remotes());
      expect(error).toMatchObject({ outcome: 'unsent', status: 'NOT_CALLED' });
      expect(String(error.cause)).toContain('ECONNREFUSED');
      await standIn.start();
      expect(standIn.told).toEqual([]);
    });

    it('is not made while the service is away, and is again soon after it has come back', async () => {
      const calling = remotes({ GRPC_CLIENT_DEADLINE_MS: '200' });
      await reserve(calling);
      standIn.stop();
      await eventually('no call going out any more', async () => {
        await reserve(calling).catch(() => undefined);
        return calling.states().get('ticket') === 'down' ? true : null;
      });
      expect(await failure(calling)).toMatchObject({ outcome: 'unsent', status: 'NOT_CALLED' });
      await standIn.start();
      await eventually('a call that succeeds', () => reserve(calling).catch(() => null));
      expect(calling.states().get('ticket')).toBe('up');
      expect(logged).toEqual(['ticket down', 'ticket up']);
    });

    it('that is refused is no reason to call no more', async () => {
      standIn.fate = () => ({ status: status.NOT_FOUND, code: 'OFFER_NOT_FOUND' });
      const calling = remotes();
      for (let calls = 0; calls < 20; calls++) await failure(calling);
      expect(calling.states().get('ticket')).toBe('up');
    });
  });
});
