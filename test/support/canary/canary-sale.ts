import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { SignJWT } from 'jose';
import { Api, eventually, newOffer, type Ground } from '../app.js';
import { Watcher } from '../board.js';
import { AppProcess } from '../process.js';
import type { ReadBroker } from './broker-content.js';
import { Canaries } from './canaries.js';
import { MailTrap } from './mail-trap.js';

type Json = ReturnType<typeof JSON.parse>;
type Env = Readonly<Record<string, string>>;

/** A broker that the sale is run on. */
export interface CanaryBroker {
  readonly env: Env;
  readonly read: ReadBroker;
  /** Away for a moment, so that everybody complains. */
  interrupt?(): Promise<void>;
}

interface Booked {
  readonly bookingId: string;
  readonly token: string;
  readonly jobId: string;
}

const LIMIT_OF_BODY = 16_384;

/**
 * A sale whose customers' data and whose secrets are canaries, through whatever can go well or wrong, with everything
 * that its processes say and everything that its broker holds.
 */
export class CanarySale {
  readonly processes: AppProcess[] = [];
  /** What was said: logs, metrics, readiness. */
  readonly told: string[] = [];
  /** What the broker held, at whatever moment. */
  readonly carried = new Set<string>();
  private sampling = true;
  private metrics: string[] = [];

  private constructor(
    private readonly ground: Ground,
    private readonly broker: CanaryBroker,
    readonly canaries: Canaries,
    readonly mail: MailTrap,
    private readonly databaseUrl: string,
  ) {}

  /** @param databaseUrl by which the processes reach the database of the ground, with the canaries' password */
  static async open(
    ground: Ground,
    broker: CanaryBroker,
    canaries: Canaries,
    databaseUrl: string,
  ): Promise<CanarySale> {
    return new CanarySale(ground, broker, canaries, await MailTrap.open(), databaseUrl);
  }

  /** From the first request to the last process gone. Gives ids that the broker must have seen. */
  async run(): Promise<readonly string[]> {
    const sampler = this.sample();
    try {
      const api = await this.start('api');
      const customers = new Customers(api, this.canaries, await this.operator());
      await customers.misbehave();
      const bookings = await customers.book();
      await this.start('worker');
      await customers.finish(bookings);
      await this.break(customers);
      await this.broker.interrupt?.();
      await customers.operate(bookings);
      await this.readPorts();
      await this.stop();
      await this.withStripe();
      return bookings.all.map(({ bookingId }) => bookingId);
    } finally {
      await this.stop();
      this.sampling = false;
      await sampler;
    }
  }

  async close(): Promise<void> {
    await this.mail.close();
  }

  private async start(role: 'api' | 'worker' | 'all', more: Env = {}): Promise<string> {
    const { canaries } = this;
    const app = AppProcess.spawn(['--role', role], {
      ...this.ground.env(),
      ...{ DATABASE_URL: this.databaseUrl, JWT_SECRET: canaries.jwtSecret, LOG_LEVEL: 'debug' },
      ...{
        PORT: '0',
        PROMETHEUS_PORT: '0',
        GRPC_PORT: '0',
        TRUSTED_PROXIES: '127.0.0.1',
        AUTH_REQUIRED: 'true',
      },
      ...{ JOB_ATTEMPTS: '2', JOB_BACKOFF_MS: '50', PAYMENT_SETTLE_AFTER_SECONDS: '8' },
      SMTP_URL: `smtp://fairline:${canaries.smtpPassword}@127.0.0.1:${this.mail.port}`,
      BULL_BOARD_WRITABLE: 'true',
      ...this.broker.env,
      ...more,
    });
    this.processes.push(app);
    const { url, metricsUrl } = await app.listening();
    this.metrics.push(metricsUrl);
    return url;
  }

  private async stop(): Promise<void> {
    await Promise.all(this.processes.map((app) => app.stop()));
  }

  private operator(): Promise<string> {
    return signed(this.canaries, { sub: 'operator', role: 'operator' });
  }

  /** What the broker holds, again and again: most of it is gone when its work is done. */
  private async sample(): Promise<void> {
    while (this.sampling) {
      for (const item of await this.broker.read().catch(() => [])) this.carried.add(item);
      await sleep(250);
    }
    for (const item of await this.broker.read()) this.carried.add(item);
  }

  private async readPorts(): Promise<void> {
    for (const url of this.metrics.splice(0))
      for (const path of ['/metrics', '/health/ready', '/health/live'])
        this.told.push(await (await fetch(`${url}${path}`)).text());
  }

  /** Errors that nobody foresaw: a row that is refused, a table that is gone. */
  private async break(customers: Customers): Promise<void> {
    await this.ground.sql(
      `alter table booking add constraint canary check (email is null or email not like 'broken-%') not valid`,
    );
    await customers.meetAnError();
    await this.ground.sql('alter table booking drop constraint canary');
    await this.ground.sql('alter table idempotency_key rename to idempotency_key_away');
    await customers.meetAnError();
    await this.ground.sql('alter table idempotency_key_away rename to idempotency_key');
  }

  /** Stripe is away, and somebody forges its events. */
  private async withStripe(): Promise<void> {
    const { canaries } = this;
    const url = await this.start('all', {
      ...{ PAYMENT_PROVIDER: 'stripe', STRIPE_SECRET_KEY: canaries.stripeKey },
      ...{ STRIPE_WEBHOOK_SECRET: canaries.webhookSecret, STRIPE_API_URL: 'http://127.0.0.1:1' },
    });
    const customers = new Customers(url, canaries, await this.operator());
    await customers.payWithStripe();
    await sleep(2000);
    await this.readPorts();
    await this.stop();
  }
}

const signed = async (canaries: Canaries, claims: Json): Promise<string> =>
  canaries.keep(
    'JWT',
    await new SignJWT({ ...claims })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(new TextEncoder().encode(canaries.jwtSecret)),
  );

interface Bookings {
  readonly all: readonly Booked[];
  readonly held: Booked;
  readonly left: Booked;
  readonly buried: Booked;
  readonly discarded: Booked;
  readonly confirmed: Booked;
  readonly refused: Booked;
  readonly declined: Booked;
}

/** What customers and operators do, each request with canaries wherever one fits. */
class Customers {
  private readonly api: Api;
  private fans = 0;

  constructor(
    private readonly url: string,
    private readonly canaries: Canaries,
    private readonly operator: string,
  ) {
    this.api = new Api(url, operator);
  }

  private async ask(
    method: string,
    path: string,
    body?: unknown,
    headers: Env = {},
  ): Promise<{ status: number; body: Json }> {
    const answer = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        'x-forwarded-for': this.canaries.address,
        'idempotency-key': this.canaries.idempotencyKey(),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    const isJson = /[/+]json/.test(answer.headers.get('content-type') ?? '') && text !== '';
    return { status: answer.status, body: isJson ? JSON.parse(text) : text };
  }
  private byOperator(method: string, path: string, body?: unknown): Promise<{ status: number; body: Json }> {
    return this.ask(method, path, body, { authorization: `Bearer ${this.operator}` });
  }

  private async offer(): Promise<string> {
    const { body } = await this.byOperator('POST', '/api/offers', newOffer());
    return body.eventId;
  }

  private async join(eventId: string, more: Json = {}): Promise<Booked> {
    const userId = `fan-${++this.fans}-${randomBytes(4).toString('hex')}`;
    const token = await signed(this.canaries, { sub: userId });
    const wish = { userId, eventId, email: this.canaries.email(), ...more };
    const { status, body } = await this.ask('POST', '/api/bookings', wish, {
      authorization: `Bearer ${token}`,
    });
    if (status !== 202) throw new Error(`not accepted: ${status} ${JSON.stringify(body)}`);
    this.canaries.keep('booking token', body.token);
    return body;
  }

  /** What nobody should send. */
  async misbehave(): Promise<void> {
    const { canaries } = this;
    const email = canaries.email();
    const token = await signed(canaries, { sub: 'fan', exp: 1 });
    const forged = canaries.keep('JWT', `${token.slice(0, -8)}AAAAAAAA`);
    const bearer = (text: string): Env => ({ authorization: `Bearer ${text}` });
    await this.ask('POST', '/api/bookings', `{"email": "${email}", "paymentMethod": `, bearer(token));
    await this.ask('POST', '/api/bookings', { email, userId: email, paymentMethod: canaries.method() });
    await this.ask('POST', '/api/bookings', { email, userId: 'x', eventId: email }, bearer(forged));
    await this.ask(
      'POST',
      '/api/bookings',
      { email: email.repeat(LIMIT_OF_BODY / 20) },
      bearer(this.operator),
    );
    await this.ask('POST', '/api/bookings', email, { 'content-type': 'text/plain' });
    await this.ask('POST', '/api/bookings', { userId: 'x', eventId: 'none', email }, bearer(this.operator));
    await this.ask('GET', `/api/bookings/${email}?email=${email}&token=${token}`, undefined, bearer(token));
    await this.ask('GET', `/${email}`, undefined, { cookie: `fairline_operator=${token}` });
    await this.ask('GET', '/api/admin/audit', undefined, bearer(forged));
    await this.ask('POST', '/api/admin/erasures', { userId: email, email }, bearer(this.operator));
    await this.ask('GET', '/admin/queues', undefined, { cookie: `fairline_operator=${forged}` });
    for (const bad of [
      forged,
      canaries.keep('booking token', `bt_${'0'.repeat(40)}${randomBytes(9).toString('hex')}`),
    ]) {
      const watcher = await Watcher.connect(this.url, bad).catch(() => null);
      await watcher?.join(email).catch(() => undefined);
      watcher?.close();
    }
  }

  async book(): Promise<Bookings> {
    const eventId = await this.offer();
    const prepaid = { paymentMethod: this.canaries.method() };
    const held = await this.join(eventId);
    const left = await this.join(eventId);
    const buried = await this.join(eventId, { ...prepaid, email: this.canaries.email('later') });
    const discarded = await this.join(eventId, { ...prepaid, email: this.canaries.email('later') });
    const confirmed = await this.join(eventId, { ...prepaid });
    const refused = await this.join(eventId, { ...prepaid, email: this.canaries.email('refused') });
    const declined = await this.join(eventId, { paymentMethod: 'pm_decline' });
    const others = [
      await this.join(eventId, { paymentMethod: 'pm_error_once' }),
      await this.join(eventId, { paymentMethod: 'pm_timeout_captured' }),
    ];
    const bookings = { held, left, buried, discarded, confirmed, refused, declined };
    return { ...bookings, all: [...Object.values(bookings), ...others] };
  }

  async finish(bookings: Bookings): Promise<void> {
    const { held, left, confirmed, refused, declined } = bookings;
    await this.api.until(held, 'held');
    const watcher = await Watcher.connect(this.url, held.token);
    await watcher.join(held.bookingId);
    const payment = { paymentMethod: this.canaries.method() };
    const mine = (booking: Booked): Env => ({ authorization: `Bearer ${booking.token}` });
    const paying = await this.ask('POST', `/api/bookings/${held.bookingId}/payment`, payment, mine(held));
    if (paying.status !== 202) throw new Error(`not paying: ${paying.status} ${JSON.stringify(paying.body)}`);
    await this.ask('POST', `/api/bookings/${held.bookingId}/payment`, payment, mine(left));
    await this.ask('DELETE', `/api/bookings/${left.bookingId}`, undefined, mine(left));
    for (const booking of [held, confirmed, refused]) await this.api.until(booking, 'confirmed');
    for (const { ticketCodes } of [await this.api.read(confirmed), await this.api.read(held)])
      for (const code of ticketCodes) this.canaries.keep('ticket code', code);
    await this.api.until(declined, 'held');
    watcher.close();
  }

  async meetAnError(): Promise<void> {
    const eventId = await this.offer().catch(() => 'none');
    await this.join(eventId, { email: this.canaries.email('broken') }).catch(() => undefined);
  }

  async operate({ buried, discarded, confirmed }: Bookings): Promise<void> {
    const letterOf = ({ bookingId }: Booked): Promise<Json> =>
      eventually('a dead letter', async () => {
        const { body } = await this.byOperator('GET', '/api/admin/dead-letters?state=open');
        return body.deadLetters?.find((letter: Json) => letter.bookingId === bookingId) ?? null;
      });
    const [one, two] = [await letterOf(buried), await letterOf(discarded)];
    await this.byOperator('POST', `/api/admin/dead-letters/${one.id}/replay`);
    await this.byOperator('POST', `/api/admin/dead-letters/${two.id}/discard`);
    const { ticketCodes } = await this.api.read(confirmed);
    await this.ask('GET', `/api/tickets/${ticketCodes[0]}`);
    await this.byOperator('POST', `/api/tickets/${ticketCodes[0]}/redeem`);
    await this.byOperator('POST', `/api/admin/bookings/${confirmed.bookingId}/refund`, { force: true });
    for (const path of ['queue', 'audit', 'invariants', 'bookings.ndjson'])
      await this.byOperator('GET', `/api/admin/${path}`);
    await this.byOperator('GET', `/api/bookings/${buried.bookingId}/ticket.pdf`);
    await this.ask('GET', '/admin/queues/api/queues', undefined, {
      authorization: `Bearer ${this.operator}`,
    });
    // The letter that was replayed is written again.
    await letterOf(buried);
    await this.api.until(discarded, 'refunded');
  }

  async payWithStripe(): Promise<void> {
    const eventId = await this.offer();
    await this.join(eventId, { paymentMethod: this.canaries.method() });
    const event = {
      id: 'evt_1',
      object: 'event',
      data: { object: { receipt_email: this.canaries.email() } },
    };
    const signature = this.canaries.keep('signature', `t=1,v1=${randomBytes(32).toString('hex')}`);
    const headers = { 'stripe-signature': signature };
    await this.ask('POST', '/api/payments/stripe/webhook', event, headers);
  }
}
