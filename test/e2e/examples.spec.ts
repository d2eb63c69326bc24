import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePort } from '../../src/database/embedded/free-port.js';
import { Api, eventually, Ground } from '../support/app.js';
import { describeWithPrograms } from '../support/describe-with-program.js';
import { AppProcess } from '../support/process.js';

jest.setTimeout(120_000);

type Json = ReturnType<typeof JSON.parse>;

interface Run {
  readonly code: number | null;
  readonly output: string;
}

let ground: Ground;
let server: AppProcess;
let api: Api;
let folder: string;
let addresses: Record<string, string>;
beforeAll(async () => {
  ground = await Ground.prepare();
  const grpcPort = String(await freePort());
  const ports = {
    PORT: String(await freePort()),
    PROMETHEUS_PORT: String(await freePort()),
    GRPC_PORT: grpcPort,
  };
  server = AppProcess.spawn(['--role', 'all'], { ...ground.env({ LOG_LEVEL: 'info' }), ...ports });
  const { url } = await server.listening();
  api = await Api.at(url);
  addresses = { FAIRLINE_URL: url, FAIRLINE_GRPC: `127.0.0.1:${grpcPort}` };
  folder = await mkdtemp(join(tmpdir(), 'fairline-examples-'));
});
afterAll(async () => {
  expect(await api.broken()).toEqual({});
  await server.stop();
  await ground.release();
  await rm(folder, { recursive: true, force: true });
});

/** Runs a client as its first lines say, to its end. `output` is what it says, errors too. */
class Client {
  output = '';
  readonly ended: Promise<Run>;

  constructor(
    program: readonly [string, ...string[]],
    args: readonly string[],
    env: Record<string, string> = {},
  ) {
    const [command, ...first] = program;
    const child = spawn(command, [...first, ...args], {
      cwd: folder,
      env: { PATH: process.env['PATH'], ...addresses, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.ended = new Promise((done) => child.once('close', (code) => done({ code, output: this.output })));
  }

  said(words: string): Promise<true> {
    return eventually(`"${words}" in ${this.output}`, async () =>
      this.output.includes(words) ? true : null,
    );
  }
}

const example = (name: string): string => resolve('examples', name);

interface Described {
  readonly program: readonly [string, ...string[]];
  /** Programs of the machine. */
  readonly needs?: readonly string[];
  /** Whether its way of calling can leave a line. */
  readonly leaves?: boolean;
}

function describeClient(name: string, { program, needs = [], leaves = true }: Described): void {
  describeWithPrograms(name, needs, () => {
    const buys = (offer: Json, env: Record<string, string> = {}) =>
      new Client(program, ['fan-1', offer.eventId, 'standing'], env);

    it('waits until whoever is before it leaves, then pays and has its ticket', async () => {
      const offer = await api.offer({ capacity: 1, holdSeconds: 600 });
      const before = await api.book(offer);
      await api.until(before, 'held');
      const client = buys(offer);
      await client.said('waiting at position 1');
      await api.delete(`/api/bookings/${before.bookingId}`, before.token).expect(200);
      const { code, output } = await client.ended;
      expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('ticket') });
      await expectTicket(output);
    });

    it('ends with the code of a refusal', async () => {
      const { code, output } = await new Client(program, ['fan-1', 'no-such-event']).ended;
      expect({ code, output }).toEqual({ code: 1, output: expect.stringContaining('OFFER_NOT_FOUND') });
    });

    it(`says so where its card is declined${leaves ? ', and keeps nobody waiting for it' : ''}`, async () => {
      const offer = await api.offer({ capacity: 1, holdSeconds: 600 });
      const { code, output } = await buys(offer, { PAYMENT_METHOD: 'pm_decline' }).ended;
      expect({ code, output }).toEqual({ code: 1, output: expect.stringContaining('card_declined') });
      if (leaves) await api.until(await api.book(offer), 'held');
    });
  });
}

/** The file that the client says it saved, or the codes that it printed. */
async function expectTicket(output: string): Promise<void> {
  const file = /saved (\S+\.pdf)/.exec(output)?.[1];
  if (file !== undefined) {
    expect((await readFile(join(folder, file))).subarray(0, 5).toString()).toBe('%PDF-');
    return;
  }
  const code = /ticket (\S+)/.exec(output)?.[1];
  const { body } = await api.get(`/api/tickets/${code}`).expect(200);
  expect(body).toMatchObject({ valid: true });
}

describeClient('The client in Node', { program: [process.execPath, example('node-client.mjs')] });
describeClient('The session in a shell', {
  program: ['sh', example('shell-session.sh')],
  needs: ['curl', 'jq'],
});
// There is no call to leave a line: the hold ends by its deadline.
describeClient('The client by gRPC', {
  program: [process.execPath, example('grpc-client.mjs')],
  leaves: false,
});
