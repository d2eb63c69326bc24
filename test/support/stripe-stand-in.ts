import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../src/database/embedded/free-port.js';
import { failed, StripeBooks, type Answer, type Params } from './stripe-books.js';
import { StripeEvents } from './stripe-events.js';

export type StripeCall =
  'create' | 'retrieve' | 'confirm' | 'capture' | 'cancel' | 'list' | 'refund' | 'refunds';

export const STAND_IN_KEY = 'sk_test_standin';

/** What goes wrong, or waits, with calls of one kind. */
export interface Rule {
  readonly call: StripeCall;
  /** Of this booking alone. */
  readonly bookingId?: string;
  /** How many calls it is for; 1, and 2 for `cut`, because the library tries once more. */
  readonly times?: number;
  readonly delayMs?: number;
  /** The call waits before or after it has had its effect, until `release`. */
  readonly hold?: 'before' | 'after';
  /** The connection is closed before the call has come in, or after it has had its effect. */
  readonly cut?: 'before' | 'after';
  /**
   * An error of Stripe's own. `before`: 503, nothing was done and nothing is kept. `after`: 500, it was done, and the
   * error is kept under the idempotency key. `locked`: somebody else holds the object.
   */
  readonly fail?: 'before' | 'after' | 'locked' | 'rate_limit';
}

export interface Held {
  /** Resolves when a call of the rule has come to where it waits or fails. */
  readonly reached: Promise<void>;
  /** Lets those go on that wait, and those that would. */
  release(): void;
}

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

interface Armed {
  readonly rule: Rule;
  left: number;
  readonly come: () => void;
  readonly released: Promise<void>;
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
  private armed: Armed[] = [];

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
    let come: () => void = () => undefined;
    let release: () => void = () => undefined;
    const reached = new Promise<void>((resolve) => (come = resolve));
    const released = new Promise<void>((resolve) => (release = resolve));
    const left = rule.times ?? (rule.cut === undefined ? 1 : 2);
    this.armed.push({ rule, left, come, released });
    return { reached, release: () => release() };
  }

  /** As after the day for which Stripe keeps keys. */
  forgetKeys(): void {
    this.keys.clear();
  }

  /** Without rules, keys, intents, calls and events. What is held goes nowhere. */
  clear(): void {
    this.armed = [];
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
      send(response, failed(incoming === null ? 404 : 401, { type: 'invalid_request_error' }), false);
      return;
    }
    this.calls.push({ call: incoming.call, bookingId: incoming.bookingId });
    const armed = this.take(incoming);
    const { rule, come, released } = armed ?? NO_RULE;
    if (rule.cut === 'before' || rule.fail === 'before' || rule.fail === 'rate_limit') {
      come();
      if (rule.cut === 'before') response.destroy();
      else send(response, refusalOf(rule.fail), false);
      return;
    }
    const kept = incoming.key === null ? undefined : this.keys.get(incoming.key);
    if (kept !== undefined) {
      this.repeat(incoming, kept, response, rule, come);
      return;
    }
    const entry: Kept = { print: incoming.print, answer: null };
    if (incoming.key !== null) this.keys.set(incoming.key, entry);
    if (rule.delayMs !== undefined) await sleep(rule.delayMs);
    if (rule.hold === 'before') await pause(come, released);
    let answer = rule.fail === 'locked' ? LOCKED : this.perform(incoming);
    if (rule.fail === 'after') answer = FAILED;
    // What was refused before it was begun is not kept.
    const isKept = answer.status === 402 || answer.status === 500 || answer.status < 400;
    if (isKept) entry.answer = answer;
    else if (incoming.key !== null) this.keys.delete(incoming.key);
    if (rule.hold === 'after') {
      entry.answer = null;
      await pause(come, released);
      entry.answer = answer;
    }
    come();
    if (rule.cut === 'after') response.destroy();
    else send(response, answer, false);
  }

  /** A key that is known: Stripe compares, and repeats what it said. */
  private repeat(
    incoming: Incoming,
    kept: Kept,
    response: ServerResponse,
    rule: Rule,
    come: () => void,
  ): void {
    come();
    if (rule.cut === 'after') response.destroy();
    else if (kept.print !== incoming.print) send(response, failed(400, { type: 'idempotency_error' }), false);
    else if (kept.answer === null) {
      send(response, failed(409, { type: 'idempotency_error', code: 'idempotency_key_in_use' }), false);
    } else send(response, kept.answer, true);
  }

  private take(incoming: Incoming): Armed | undefined {
    const armed = this.armed.find(
      ({ rule, left }) =>
        left > 0 &&
        rule.call === incoming.call &&
        (rule.bookingId === undefined || rule.bookingId === incoming.bookingId),
    );
    if (armed !== undefined) {
      armed.left -= 1;
      if (armed.left === 0) this.armed = this.armed.filter((one) => one !== armed);
    }
    return armed;
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

const NO_RULE: Omit<Armed, 'rule'> & { readonly rule: Partial<Rule> & { readonly call: StripeCall } } = {
  rule: { call: 'list' },
  left: 0,
  come: () => undefined,
  released: Promise.resolve(),
};

const FAILED = failed(500, { type: 'api_error', message: 'told to fail' });
const LOCKED = failed(429, { type: 'invalid_request_error', code: 'lock_timeout' });

const refusalOf = (fail: Rule['fail']): Answer =>
  fail === 'rate_limit'
    ? failed(429, { type: 'invalid_request_error', code: 'rate_limit' })
    : failed(503, { type: 'api_error', message: 'told to fail' });

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

function send(response: ServerResponse, { status, body }: Answer, isReplay: boolean): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'request-id': 'req_standin',
    ...(isReplay && { 'idempotent-replayed': 'true' }),
  });
  response.end(JSON.stringify(body));
}
