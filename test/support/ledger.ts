import { randomUUID } from 'node:crypto';
import { Client, Pool, type QueryResultRow } from 'pg';
import type { Actor } from '../../src/booking/booking.js';
import { Ledger, ROUTINES } from '../../src/booking/ledger/ledger.js';
import type {
  Acceptance,
  AcceptOutcome,
  AcceptRequest,
  NewOffer,
  Offer,
  ProviderCharge,
  Ticket,
} from '../../src/booking/ledger/types.js';
import { Database, type Statement } from '../../src/database/database.js';
import { migrate } from '../../src/database/migrate.js';
import { copyRows } from './copy-rows.js';
import { createTestDatabase } from './database.js';

export const ACTOR: Actor = { kind: 'system', id: 'test', correlationId: 'correlation' };
export const MAX_LENGTH = 100_000;
const CONNECTIONS = 4;

interface Replacement {
  /** The function to look in; absent: there is but one such text. */
  readonly verb?: string;
  readonly find: string;
  readonly put: string;
}

/** A change to the ledger as it stands in the tests' own database: what would happen without a guard? */
export interface Tampering {
  /** Of the text of the routines; each must be found once, or the tampering has lost what it removes. */
  readonly routines?: readonly Replacement[];
  /** Statements run on the tables afterwards. */
  readonly tables?: readonly string[];
}

/** A ledger on a database of its own, and what a test may do to it that no verb does. */
export interface TestLedger {
  readonly url: string;
  readonly db: Database;
  readonly ledger: Ledger;
  /** The ledger as another process has it: connections of its own. */
  another(url?: string): { readonly db: Database; readonly ledger: Ledger };
  /** Past every verb. */
  sql<Row extends QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** A connection that the test may leave in a transaction. */
  session(): Promise<Client>;
  /** The ledger on such a connection. */
  within(session: Client): Ledger;
  /** What a dump of it gives when it is restored on another server; to be closed by itself. */
  restoredOn(server: string): Promise<TestLedger>;
  /** Closes every connection and deletes the database. */
  close(): Promise<void>;
}

/** A database all of whose calls go to one connection: the test has begun a transaction there and ends it. */
class SessionDatabase extends Database {
  constructor(
    url: string,
    private readonly session: Client,
  ) {
    super(url, 1);
  }
  override async call<Row extends QueryResultRow>(
    statement: Statement,
    values: readonly unknown[],
  ): Promise<Row[]> {
    return (await this.session.query<Row>(statement.text, [...values])).rows;
  }
}

/** On the server that `DATABASE_URL` names, or on another. */
export async function openLedger(tampering: Tampering = {}, server?: string): Promise<TestLedger> {
  const routines = tampered(ROUTINES, tampering.routines ?? []);
  const database = await createTestDatabase(server);
  await migrate(database.url, routines);
  const databases: Database[] = [];
  const clients: Client[] = [];
  const connect = (url: string): { db: Database; ledger: Ledger } => {
    const db = new Database(url, CONNECTIONS);
    databases.push(db);
    return { db, ledger: new Ledger(db) };
  };
  const session = async (): Promise<Client> => {
    const client = new Client({ connectionString: database.url, options: '-c timezone=UTC' });
    client.on('error', () => undefined);
    clients.push(client);
    await client.connect();
    return client;
  };
  const admin = new Pool({ connectionString: database.url, max: 2, options: '-c timezone=UTC' });
  admin.on('error', () => undefined);
  // No test here crashes the server, and thousands of commits need not wait for the disk.
  await admin.query(
    `do $$ begin execute format('alter database %I set synchronous_commit = off', current_database()); end $$`,
  );
  for (const statement of tampering.tables ?? []) await admin.query(statement);
  return {
    url: database.url,
    ...connect(database.url),
    another: (url = database.url) => connect(url),
    session,
    within: (client) => new Ledger(new SessionDatabase(database.url, client)),
    sql: async <Row extends QueryResultRow>(text: string, values: readonly unknown[] = []) =>
      (await admin.query<Row>(text, [...values])).rows,
    restoredOn: async (other) => {
      const copy = await openLedger(tampering, other);
      await copyRows(await session(), await copy.session());
      return copy;
    },
    close: async () => {
      await Promise.all([
        ...databases.map((db) => db.close()),
        ...clients.map((client) => client.end()),
        admin.end(),
      ]);
      await database.drop();
    },
  };
}

/** @throws Error where a text that is to be replaced is not there just once */
export function tampered(routines: readonly string[], changes: readonly Replacement[]): string[] {
  let text = routines.join('\n');
  for (const { verb, find, put } of changes) {
    const from = verb === undefined ? 0 : text.indexOf(`create or replace function ${verb}(`);
    const to = verb === undefined ? text.length : text.indexOf('$$;', from);
    const parts = text.slice(from, to).split(find);
    if (from < 0 || parts.length !== 2) {
      throw new Error(`the guard to remove is there ${parts.length - 1} times: ${find}. Name its new text.`);
    }
    text = text.slice(0, from) + parts.join(put) + text.slice(to);
  }
  return [text];
}

/** An offer on sale with sensible rules, but for those named. */
export function newOffer(
  { ledger }: Pick<TestLedger, 'ledger'>,
  rules: Partial<NewOffer> = {},
): Promise<Offer> {
  const id = rules.id ?? randomUUID();
  return ledger.createOffer(
    {
      id,
      eventId: id,
      ticketType: 'seat',
      title: 'Concert',
      venue: 'Hall',
      timeZone: 'Europe/Berlin',
      startsAt: '2999-01-01T20:00:00.000Z',
      price: { amountMinor: 5000, currency: 'EUR' },
      capacity: 10,
      opensAt: null,
      closesAt: null,
      holdSeconds: 600,
      limitPerCustomer: 10,
      maxQuantity: 10,
      ...rules,
    },
    null,
    ACTOR,
  );
}

/** A request of a customer of its own, for one unit, but for what is named. */
export function requestFor(offerId: string, named: Partial<AcceptRequest> = {}): AcceptRequest {
  return {
    bookingId: randomUUID(),
    offerId,
    customerId: randomUUID(),
    quantity: 1,
    email: null,
    paymentMethod: null,
    idempotencyKey: null,
    bodyHash: '',
    actor: ACTOR,
    ...named,
  };
}

/** The acceptance that the outcome must be. */
export function accepted(outcome: AcceptOutcome | undefined): Acceptance {
  if (outcome?.accepted !== true) throw new Error(`not accepted: ${JSON.stringify(outcome)}`);
  return outcome;
}

/** The code of the refusal, or `ACCEPTED`. */
export const codeOf = (outcome: AcceptOutcome | undefined): string =>
  outcome === undefined ? 'UNANSWERED' : outcome.accepted ? 'ACCEPTED' : outcome.code;

/** Accepts one booking for each quantity, in this order. */
export async function accept(
  { ledger }: Pick<TestLedger, 'ledger'>,
  offerId: string,
  quantities: readonly number[],
  named: Partial<AcceptRequest> = {},
): Promise<Acceptance[]> {
  const batch = quantities.map((quantity) => requestFor(offerId, { ...named, quantity }));
  const { outcomes } = await ledger.accept(batch, MAX_LENGTH);
  return outcomes.map(accepted);
}

/** From `held` to `paid`, as the worker and the provider would. */
export async function payFor({ ledger }: Pick<TestLedger, 'ledger'>, bookingId: string): Promise<void> {
  const moved = await ledger.pay(bookingId, 'pm_ok', null, ACTOR);
  await ledger.recordCharge(bookingId, moved?.bookings[0]?.fence ?? 0, { kind: 'captured' }, ACTOR);
}

export const letterOf = (
  bookingId: string,
): { bookingId: string; jobId: string; jobType: string; reason: string; attempts: number } => ({
  ...{
    bookingId,
    jobId: `fulfil-${bookingId}`,
    jobType: 'booking.fulfil',
    reason: 'PDF_FAILED',
    attempts: 5,
  },
});

export const ticketsOf = (bookingId: string, quantity: number): Ticket[] =>
  Array.from({ length: quantity }, (_, index) => ({
    ticketId: randomUUID(),
    code: `${bookingId}-${index + 1}`,
    number: index + 1,
  }));

/** The code with which a verb refused, or `DONE`. */
export async function refusalOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'DONE';
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
    throw error;
  }
}

/** The state that everybody is shown. */
export const stateOf = async ({ ledger }: Pick<TestLedger, 'ledger'>, id: string): Promise<string> =>
  (await ledger.booking(id))?.booking.state ?? 'absent';

/** Every invariant that does not hold, with its violations; `charges` are the provider's records. */
export async function broken(
  { ledger }: Pick<TestLedger, 'ledger'>,
  charges: readonly ProviderCharge[],
): Promise<Record<string, readonly string[]>> {
  const report = await ledger.invariants(
    (async function* () {
      yield charges;
    })(),
  );
  return Object.fromEntries(
    Object.entries(report).flatMap(([name, { ok, violations }]) => (ok ? [] : [[name, violations]])),
  );
}

/** The provider's records where it captured exactly what the ledger says it did. */
export async function chargesAsTold({ sql }: Pick<TestLedger, 'sql'>): Promise<ProviderCharge[]> {
  const rows = await sql<{ key: string; amount: string; currency: string; refunded: string }>(
    `select a.provider_key as key, a.amount_minor as amount, a.currency, coalesce(r.amount_minor, 0) as refunded
     from payment_attempt a left join refund r on r.provider_key = a.provider_key and r.state = 'succeeded'
     where a.state = 'captured'`,
  );
  return rows.map(({ key, amount, currency, refunded }) => ({
    key,
    state: 'captured',
    amountMinor: Number(amount),
    currency,
    refundedMinor: Number(refunded),
  }));
}
