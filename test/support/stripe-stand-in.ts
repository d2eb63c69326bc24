import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../src/database/embedded/free-port.js';
import { failed, StripeBooks, type Answer, type Params } from './stripe-books.js';
import { StripeEvents } from './stripe-events.js';
import { StripeRules, type Held, type Met, type Rule, type StripeCall } from './stripe-rules.js';

export const STAND_IN_KEY = 'sk_test_standin';

interface Incoming {
  readonly call: StripeCall;
  readonly id: string;
  readonly params: Params;
  readonly key: string | null;
  readonly bookingId: string | null;
  /** Of everything that must be the same under the same key. */
  readonly print: string;
}

interface Kept {
  readonly print: string;
  answer: Answer | null;
}

/** Parameters of each call; Stripe refuses any other. */
const KNOWN: Readonly<Record<StripeCall, RegExp>> = {
  create:
    /^(amount|currency|capture_method|metadata\[\w+\]|allowed_payment_method_types\[\d+\]|automatic_payment_methods\[\w+\])$/,
  retrieve: /^$/,
  confirm: /^(payment_method|error_on_requires_action)$/,
  capture: /^$/,
  cancel: /^cancellation_reason$/,
  list: /^(limit|starting_after|expand\[\d+\])$/,
  refund: /^(payment_intent|amount|metadata\[\w+\])$/,
  refunds: /^(payment_intent|limit)$/,
};

/**
 * Stripe as far as payments need it, in this process: intents, refunds, idempotency keys as Stripe keeps them, events
 * signed as Stripe signs them; and, rule by rule, everything that can go wrong on the way.
 */
export class StripeStandIn {
  readonly events = new StripeEvents();
  readonly books = new StripeBooks((type, object) => this.events.record(type, object));
  /** Calls as they came in. */
  readonly calls: { readonly call: StripeCall; readonly bookingId: string | null }[] = [];
  private readonly keys = new Map<string, Kept>();
  private readonly rules = new StripeRules();

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async start(): Promise<StripeStandIn> {
    const server = createServer({ keepAliveTimeout: 60_000 });
    const port = await freePort();
    const stand = new StripeStandIn(server, `http://127.0.0.1:${port}`);
    server.on('request', (request, response) => void stand.answer(request, response));
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return stand;
  }

  /** Rules are looked through in the order in which they were made. */
  on(rule: Rule): Held {
    return this.rules.on(rule);
  }

  /** As after the day for which Stripe keeps keys. */
  forgetKeys(): void {
    this.keys.clear();
  }

  /** Without rules, keys, intents, calls and events. What is held goes nowhere. */
  clear(): void {
    this.rules.clear();
    this.keys.clear();
    this.books.clear();
    this.calls.length = 0;
    this.events.clear();
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
    await this.events.idle();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const incoming = this.read(request, await bodyOf(request));
    if (incoming === null || request.headers.authorization !== `Bearer ${STAND_IN_KEY}`) {
      send(response, failed(incoming === null ? 404 : 401, { type: 'invalid_request_error' }));
      return;
    }
    this.calls.push({ call: incoming.call, bookingId: incoming.bookingId });
    const met = this.rules.take(incoming.call, incoming.bookingId);
    const turnedAway = turnAway(met.rule);
    const kept = incoming.key === null ? undefined : this.keys.get(incoming.key);
    if (turnedAway !== null) {
      met.come();
      if (turnedAway === 'cut') response.destroy();
      else send(response, turnedAway);
      return;
    }
    const answer = kept === undefined ? await this.firstTime(incoming, met) : repeated(incoming, kept);
    met.come();
    if (met.rule.cut === 'after') response.destroy();
    else send(response, answer);
  }

  /** Does what was asked for, and keeps the answer as Stripe does: not where it was refused before it was begun. */
  private async firstTime(incoming: Incoming, { rule, come, released }: Met): Promise<Answer> {
    const entry: Kept = { print: incoming.print, answer: null };
    if (incoming.key !== null) this.keys.set(incoming.key, entry);
    if (rule.delayMs !== undefined) await sleep(rule.delayMs);
    if (rule.hold === 'before') await pause(come, released);
    const done = rule.fail === 'locked' ? LOCKED : this.perform(incoming);
    const answer = rule.fail === 'after' ? FAILED : done;
    if (rule.hold === 'after') await pause(come, released);
    const isKept = answer.status < 400 || answer.status === 402 || answer.status === 500;
    if (isKept) entry.answer = answer;
    else if (incoming.key !== null) this.keys.delete(incoming.key);
    return answer;
  }

  private perform({ call, id, params }: Incoming): Answer {
    const unknown = Object.keys(params).find((name) => !KNOWN[call].test(name));
    if (unknown !== undefined) {
      return failed(400, { type: 'invalid_request_error', code: 'parameter_unknown', param: unknown });
    }
    switch (call) {
      case 'create':
        return this.books.create(params);
      case 'retrieve':
        return this.books.retrieve(id);
      case 'confirm':
        return this.books.confirm(id, params);
      case 'capture':
        return this.books.capture(id);
      case 'cancel':
        return this.books.cancel(id);
      case 'list':
        return this.books.list(params);
      case 'refund':
        return this.books.refund(params);
      case 'refunds':
        return this.books.refundsOf(params);
    }
  }

  private read({ method, url, headers }: IncomingMessage, body: string): Incoming | null {
    const { pathname, search } = new URL(url ?? '/', this.url);
    const [, resource = '', id = '', verb = ''] = /^\/v1\/(\w+)\/?([^/]*)\/?(\w*)$/.exec(pathname) ?? [];
    const call = callOf(method ?? '', resource, id, verb);
    if (call === null) return null;
    const params = Object.fromEntries(new URLSearchParams(method === 'GET' ? search : body));
    const key = headers['idempotency-key'];
    const about = this.books.find(id || (params['payment_intent'] ?? ''))?.metadata['bookingId'];
    return {
      ...{ call, id, params, key: typeof key === 'string' ? key : null },
      bookingId: about ?? params['metadata[bookingId]'] ?? null,
      print: JSON.stringify([method, pathname, params]),
    };
  }
}

const FAILED = failed(500, { type: 'api_error', message: 'told to fail' });
const LOCKED = failed(429, { type: 'invalid_request_error', code: 'lock_timeout' });

/** What happens to a call that does not come in; null where it does. */
function turnAway({ cut, fail }: Partial<Rule>): Answer | 'cut' | null {
  if (cut === 'before') return 'cut';
  if (fail === 'before') return failed(503, { type: 'api_error', message: 'told to fail' });
  return fail === 'rate_limit' ? failed(429, { type: 'invalid_request_error', code: 'rate_limit' }) : null;
}

/** A key that is known: Stripe compares, and repeats what it said. */
function repeated({ print }: Incoming, kept: Kept): Answer {
  if (kept.print !== print) return failed(400, { type: 'idempotency_error' });
  if (kept.answer === null) return failed(409, { type: 'idempotency_error', code: 'idempotency_key_in_use' });
  return { ...kept.answer, isReplay: true };
}

async function pause(come: () => void, released: Promise<void>): Promise<void> {
  come();
  await released;
}

function callOf(method: string, resource: string, id: string, verb: string): StripeCall | null {
  const route = `${method} ${resource}${id === '' ? '' : '/:id'}${verb === '' ? '' : `/${verb}`}`;
  const calls: Readonly<Record<string, StripeCall>> = {
    'POST payment_intents': 'create',
    'GET payment_intents': 'list',
    'GET payment_intents/:id': 'retrieve',
    'POST payment_intents/:id/confirm': 'confirm',
    'POST payment_intents/:id/capture': 'capture',
    'POST payment_intents/:id/cancel': 'cancel',
    'POST refunds': 'refund',
    'GET refunds': 'refunds',
  };
  return calls[route] ?? null;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  request.setEncoding('utf8');
  for await (const chunk of request) body += String(chunk);
  return body;
}

function send(response: ServerResponse, { status, body, isReplay = false }: Answer): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'request-id': 'req_standin',
    ...(isReplay && { 'idempotent-replayed': 'true' }),
  });
  response.end(JSON.stringify(body));
}
