import { createSecretKey, randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { fastify, type FastifyReply, type FastifyRequest } from 'fastify';
import { Client } from 'undici';
import { rateLimits } from '../src/config/rate-limits.js';
import { Reader } from '../src/config/reader.js';
import { NoMetrics } from '../src/metrics/metrics.js';
import { Authenticator } from '../src/security/authentication.js';
import { BookingTokens } from '../src/security/booking-token.js';
import { loadConfig } from '../src/config/load.js';
import { ANONYMOUS } from '../src/security/identity.js';
import { BookingGate } from '../src/security/rate-limit/booking-gate.js';
import { CallLimits, type Standing } from '../src/security/rate-limit/call-limits.js';
import { LocalRateLimiter } from '../src/security/rate-limit/local-rate-limiter.js';
import { QuotaTeller } from '../src/security/rate-limit/quota-teller.js';
import { positive } from './support/measurements.js';
import { median, rounded } from './support/statistics.js';

const { values } = parseArgs({
  options: { json: { type: 'boolean', default: false }, rounds: { type: 'string', default: '7' } },
});
const ROUNDS = positive('--rounds', values.rounds);
const CALLS = 300_000;
const REQUESTS = 4000;
/** Requests under way at once. */
const PIPELINED = 64;
const CUSTOMERS = 50_000;

const SECRET = randomBytes(32);
const limiter = new LocalRateLimiter({
  limits: rateLimits(
    new Reader({ RATE_LIMIT_PER_ADDRESS: '1000000/1s', RATE_LIMIT_PER_CUSTOMER: '1000000/1s' }),
  ),
  now: () => performance.now(),
  shared: null,
  secret: createSecretKey(SECRET),
  onAway: () => undefined,
});
const customers = Array.from({ length: CUSTOMERS }, (_, i) => `customer-${i}`);

/** Nanoseconds of CPU of one call, in the middle of the rounds. */
function ns(call: (i: number) => unknown): number {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const before = process.cpuUsage();
    for (let i = 0; i < CALLS; i++) call(i);
    return (spentSince(before) * 1000) / CALLS;
  });
  return rounded(median(rounds), 0);
}

const customerOf = (i: number): string => customers[i % CUSTOMERS] ?? '';

function gate(): BookingGate {
  const { auth } = loadConfig({});
  const authenticator = Authenticator.create(auth, SECRET, new BookingTokens(SECRET));
  return new BookingGate(new CallLimits(limiter, authenticator, new NoMetrics()), null);
}

const KINDS = ['without', 'with', 'told'] as const;

/**
 * Microseconds of CPU of one request over HTTP, client included: without limits, with them as acceptances have them, and
 * with their fields in every answer.
 */
async function overHttp(): Promise<Record<(typeof KINDS)[number], number>> {
  const door = gate();
  const quotas = new QuotaTeller(limiter);
  const server = fastify();
  const answer = { bookingId: '01890a5d-ac96-774b-bcce-b302099a8057', state: 'waiting', position: 1 };
  server.post('/without', (_request, reply: FastifyReply) => reply.code(202).send(answer));
  let i = 0;
  const counted = (request: FastifyRequest): Standing => {
    const identity = door.identify(request, undefined);
    if (identity instanceof Promise) throw new TypeError('This limiter decides at once');
    const standing = door.admit(request, identity, customerOf(i++), undefined);
    if (standing instanceof Promise) throw new TypeError('This limiter decides at once');
    return standing;
  };
  server.post('/with', (request, reply: FastifyReply) => {
    quotas.tellIfLow(reply, counted(request));
    return reply.code(202).send(answer);
  });
  server.post('/told', (request, reply: FastifyReply) => {
    quotas.tell(reply, counted(request));
    return reply.code(202).send(answer);
  });
  const client = new Client(await server.listen({ port: 0, host: '127.0.0.1' }), { pipelining: PIPELINED });
  const times: Record<(typeof KINDS)[number], number[]> = { without: [], with: [], told: [] };
  // the first round warms up
  for (let round = 0; round <= ROUNDS; round++) {
    for (const kind of KINDS) {
      const spent = await cpuOf(client, `/${kind}`);
      if (round > 0) times[kind].push(spent);
    }
  }
  await client.close();
  await server.close();
  return {
    without: rounded(median(times.without)),
    with: rounded(median(times.with)),
    told: rounded(median(times.told)),
  };
}

async function cpuOf(client: Client, path: string): Promise<number> {
  const before = process.cpuUsage();
  let left = REQUESTS;
  const one = async (): Promise<void> => {
    while (left-- > 0) {
      const { body } = await client.request({ path, method: 'POST' });
      await body.dump();
    }
  };
  await Promise.all(Array.from({ length: PIPELINED }, one));
  return spentSince(before) / REQUESTS;
}

/** Microseconds of CPU, of any thread. */
function spentSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

const door = gate();
/** Several, so that none of them meets its limit. */
const callers = Array.from({ length: 64 }, (_, i) => ({ ip: `203.0.113.${i}`, socket: {} }));
const results = {
  nsPerDecision: {
    'one address': ns(() => limiter.take('address', '203.0.113.7')),
    [`${CUSTOMERS} customers in turn`]: ns((i) => limiter.take('customer', customerOf(i))),
    'the gate: both limits': ns((i) => {
      const caller = callers[i % callers.length] ?? { ip: '', socket: {} };
      void door.identify(caller, undefined);
      return door.admit(caller, ANONYMOUS, customerOf(i), undefined);
    }),
  },
  cpuMicrosecondsOfARequest: await overHttp(),
};
const { without, with: limited, told } = results.cpuMicrosecondsOfARequest;
if (values.json) console.log(JSON.stringify(results));
else {
  for (const [what, of] of Object.entries(results.nsPerDecision)) console.log(`${what}: ${of} ns a decision`);
  console.log(
    `over HTTP on bare Fastify, client included: ${without} µs of CPU without limits, ${limited} µs with them (` +
      `${rounded(limited / without)} of it), ${told} µs with their fields in every answer (${rounded(told / without)} of it)`,
  );
}
await limiter.close();
