import { randomBytes } from 'node:crypto';
import { fastify } from 'fastify';
import { Pool, type PoolClient } from 'pg';
import { TimeOrderedIds } from '../../src/common/ids.js';
import { BookingTokens } from '../../src/security/booking-token.js';

/**
 * The way this is usually written: each request is a transaction of its own that locks the line's row, counts, inserts
 * and commits; on the same tables, with the same rows written and the same answer given.
 * Usage: node per-request.js <database url> <pool size>
 */
interface Body {
  readonly userId: string;
  readonly eventId: string;
  readonly email: string;
}
interface Line {
  readonly offer_id: string;
  readonly last_seq: string;
  readonly waiting: number;
  readonly version: string;
  readonly day: string;
}

const [url = '', size = '8'] = process.argv.slice(2);
const pool = new Pool({ connectionString: url, max: Number(size), options: '-c jit=off' });
const ids = new TimeOrderedIds();
const tokens = new BookingTokens(randomBytes(32));

const FIND = {
  name: 'find',
  text: `select l.offer_id, l.last_seq, l.waiting, l.version, s.day::text as day
    from offer o join booking_line l on l.offer_id = o.id join stock s on s.offer_id = o.id
    where o.group_id = $1 and not o.paused and o.starts_at > now() for update of l`,
};
const KNOWN = {
  name: 'known',
  text: `select body_hash from idempotency_key where customer_id = $1 and route = 'accept' and key = $2`,
};
const HAS = {
  name: 'has',
  text: 'select coalesce(sum(quantity), 0) as n from booking where customer_id = $1 and offer_id = $2',
};
const BOOK = {
  name: 'book',
  text: `insert into booking (id, offer_id, seq, customer_id, quantity, first_day, last_day, state, version, accepted_version,
      price_minor, currency, email, accepted_at, accepted_position, accepted_wait, correlation_id)
    values ($1, $2, $3, $4, 1, $5, $5, 'waiting', $6, $6, 100, 'EUR', $7, now(), $8, 1, $9)`,
};
const KEY = {
  name: 'key',
  text: `insert into idempotency_key (customer_id, route, key, body_hash, booking_id, created_at)
    values ($1, 'accept', $2, $3, $4, now())`,
};
const AUDIT = {
  name: 'audit',
  text: `insert into audit_event (at, offer_id, booking_id, action, to_state, version, ordinal, quantity,
      actor_kind, actor_id, address, correlation_id)
    values (now(), $1, $2, 'accept', 'waiting', $3, 1, 1, 'customer', $4, '127.0.0.1', $5)`,
};
const MOVE = {
  name: 'move',
  text: 'update booking_line set last_seq = last_seq + 1, waiting = waiting + 1, version = version + 1 where offer_id = $1',
};

async function book(client: PoolClient, body: Body, key: string) {
  const id = ids.next();
  const line = (await client.query<Line>({ ...FIND, values: [body.eventId] })).rows[0];
  if (line === undefined) throw new Error('no such event');
  await client.query({ ...KNOWN, values: [body.userId, key] });
  await client.query({ ...HAS, values: [body.userId, line.offer_id] });
  const seq = Number(line.last_seq) + 1;
  const version = Number(line.version) + 1;
  const position = line.waiting + 1;
  const values = [id, line.offer_id, seq, body.userId, line.day, version, body.email, position, id];
  await client.query({ ...BOOK, values });
  await client.query({ ...KEY, values: [body.userId, key, '', id] });
  await client.query({ ...AUDIT, values: [line.offer_id, id, version, body.userId, id] });
  await client.query({ ...MOVE, values: [line.offer_id] });
  return {
    bookingId: id,
    jobId: `fulfil-${id}`,
    offerId: line.offer_id,
    seq,
    state: 'waiting',
    position,
    version,
  };
}

const app = fastify();
app.post<{ Body: Body }>('/api/bookings', async (request, reply) => {
  const client = await pool.connect();
  try {
    await client.query('begin');
    const booked = await book(client, request.body, String(request.headers['idempotency-key']));
    await client.query('commit');
    return await reply.code(202).send({ ...booked, token: tokens.issue(booked.bookingId) });
  } catch (error) {
    await client.query('rollback');
    throw error;
  } finally {
    client.release();
  }
});
process.stdout.write(`${await app.listen({ host: '127.0.0.1', port: 0 })}\n`);
