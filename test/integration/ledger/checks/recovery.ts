import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AcceptOutcome } from '../../../../src/booking/ledger/types.js';
import { freePort } from '../../../../src/database/embedded/free-port.js';
import {
  accept,
  accepted,
  ACTOR,
  broken,
  chargesAsTold,
  MAX_LENGTH,
  newOffer,
  refusalOf,
  requestFor,
  type TestLedger,
} from '../../../support/ledger.js';
import { doorOf } from '../../../support/door.js';
import type { Checks } from './check.js';

/** A way to the database that can lose what it answers. */
class LossyWay {
  private readonly sockets = new Set<Socket>();
  losing = false;

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async to(url: string): Promise<LossyWay> {
    const target = new URL(url);
    const server = createServer();
    const port = await freePort();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    const way = new URL(url);
    // not by a local socket, past us
    way.searchParams.delete('host');
    way.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const lossy = new LossyWay(server, way.href);
    server.on('connection', (client) => {
      const upstream = connect(Number(target.port || 5432), target.hostname);
      client.pipe(upstream);
      upstream.on('data', (chunk) => {
        if (!lossy.losing) client.write(chunk);
      });
      for (const socket of [client, upstream]) {
        lossy.sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => {
          client.destroy();
          upstream.destroy();
          lossy.sockets.delete(socket);
        });
      }
    });
    return lossy;
  }

  cut(): void {
    for (const socket of this.sockets) socket.destroy();
    this.losing = false;
  }
  async close(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => {
      this.server.close(() => {
        resolve();
      });
    });
  }
}

const seqsOf = async ({ sql }: TestLedger, offerId: string): Promise<number[]> =>
  (await sql<{ seq: string }>('select seq from booking where offer_id = $1 order by seq', [offerId])).map(
    ({ seq }) => Number(seq),
  );

const KILL = `select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and application_name = 'fairline'`;

async function until(what: string, ask: () => Promise<boolean>): Promise<void> {
  const begun = Date.now();
  while (!(await ask())) {
    if (Date.now() - begun > 5000) throw new Error(`waited in vain for ${what}`);
    await sleep(5);
  }
}

export const recovery: Checks = {
  'a batch whose answer was lost after its commit is sent again and gets the numbers that it has': async (
    world,
  ) => {
    const { id } = await newOffer(world, { capacity: 50 });
    const way = await LossyWay.to(world.url);
    try {
      const { ledger } = world.another(way.url);
      await accept({ ledger }, id, [1, 1]);
      way.losing = true;
      const batch = [1, 2, 1].map((quantity) =>
        requestFor(id, quantity === 2 ? { quantity, idempotencyKey: 'key', bodyHash: 'aa' } : { quantity }),
      );
      const answer = ledger.accept(batch, MAX_LENGTH);
      await until('the commit', async () => (await seqsOf(world, id)).length === 5);
      way.cut();
      const { outcomes } = await answer;
      expect(outcomes.map((outcome) => accepted(outcome).bookingId)).toEqual(
        batch.map(({ bookingId }) => bookingId),
      );
      expect(outcomes.map((outcome) => accepted(outcome).seq)).toEqual([3, 4, 5]);
      expect(outcomes.map((outcome) => accepted(outcome).position)).toEqual([3, 4, 5]);
      expect(await seqsOf(world, id)).toEqual([1, 2, 3, 4, 5]);
    } finally {
      await way.close();
    }
  },

  'who pays or leaves and loses the answer is told what was done, not that it cannot be done again': async (
    world,
  ) => {
    const { id } = await newOffer(world, { capacity: 1 });
    const [payer, leaver] = await accept(world, id, [1, 1]);
    await world.ledger.admit(id, ACTOR);
    const way = await LossyWay.to(world.url);
    try {
      const { ledger } = world.another(way.url);
      const calls = {
        paying: () => ledger.pay(payer?.bookingId ?? '', 'pm_ok', null, ACTOR),
        cancelled: () => ledger.cancel(leaver?.bookingId ?? '', ACTOR),
      };
      for (const [state, call] of Object.entries(calls)) {
        await ledger.booking(payer?.bookingId ?? '');
        way.losing = true;
        const answer = call();
        await until(
          'the commit',
          async () =>
            (await world.sql('select from booking where offer_id = $1 and state::text = $2', [id, state]))
              .length > 0,
        );
        way.cut();
        expect(await answer).toMatchObject({ bookings: [{ state }] });
      }
    } finally {
      await way.close();
    }
    expect(
      await world.sql(`select from payment_attempt where booking_id = $1`, [payer?.bookingId]),
    ).toHaveLength(1);
  },

  'a batch whose backend is killed before its commit is sent again and enters once': async (world) => {
    const { id } = await newOffer(world, { capacity: 50 });
    const { ledger } = world.another();
    const holder = await world.session();
    await holder.query('begin');
    await holder.query('select from booking_line where offer_id = $1 for no key update', [id]);
    const batch = [requestFor(id), requestFor(id)];
    const answer = ledger.accept(batch, MAX_LENGTH);
    await until(
      'the batch at the line',
      async () => (await world.sql(`${KILL} and wait_event_type = 'Lock'`)).length > 0,
    );
    await holder.query('rollback');
    expect((await answer).outcomes.map((outcome) => accepted(outcome).seq)).toEqual([1, 2]);
    expect(await seqsOf(world, id)).toEqual([1, 2]);
  },

  'whoever was answered is in the line once while backends are killed all the time': async (world) => {
    const { id } = await newOffer(world, { capacity: 5000 });
    const answered: AcceptOutcome[] = [];
    let killing = true;
    const killer = (async () => {
      while (killing) {
        await sleep(15);
        await world.sql(`${KILL} and random() < 0.3`);
      }
    })();
    const processes = [1, 2, 3].map(() => world.another().ledger);
    await Promise.all(
      processes.map(async (ledger) => {
        for (let n = 0; n < 25; n++) {
          const batch = Array.from({ length: 5 }, () => requestFor(id));
          // Four tries may all meet the killer: then nobody was told anything.
          await ledger.accept(batch, MAX_LENGTH).then(
            ({ outcomes }) => answered.push(...outcomes),
            () => undefined,
          );
          await ledger.admit(id, ACTOR, 1).catch(() => undefined);
        }
      }),
    );
    killing = false;
    await killer;
    const seqs = await seqsOf(world, id);
    expect(seqs).toEqual(seqs.map((_, index) => index + 1));
    const told = answered.map(accepted);
    expect(new Set(told.map(({ seq }) => seq)).size).toBe(told.length);
    const rows = await world.sql<{ id: string; seq: string }>(
      'select id, seq from booking where offer_id = $1',
      [id],
    );
    const places = new Map(rows.map((row) => [row.id, Number(row.seq)]));
    for (const { bookingId, seq } of told) expect(places.get(bookingId)).toBe(seq);
    expect(told.length).toBeGreaterThan(50);
    expect(await broken(world, await chargesAsTold(world))).toEqual({});
  },

  'a booking that a worker is at is driven on by nobody else until its quiet is over': async (world) => {
    const { id: offerId } = await newOffer(world, { capacity: 2 });
    const [booking] = await accept(world, offerId, [1], { paymentMethod: 'pm_ok' });
    const id = booking?.bookingId ?? '';
    await world.ledger.admit(offerId, ACTOR);
    const isStalled = async (): Promise<boolean> =>
      (await world.ledger.stalledFulfilments(1000)).some(({ bookingId }) => bookingId === id);
    await world.ledger.beginFulfilment(id, 0);
    expect(await isStalled()).toBe(true);
    expect(await world.ledger.keepFulfilments([id, randomUUID()], 0)).toBe(1);
    expect(await isStalled()).toBe(true);
    await world.ledger.keepFulfilments([id], 60_000);
    expect(await isStalled()).toBe(false);
    await world.ledger.keepFulfilments([id], 0);
    expect(await isStalled()).toBe(true);
  },

  'a booking on its way is driven on while its offer is paused': async (world) => {
    const { id: offerId } = await newOffer(world, { capacity: 2 });
    const bookings = await accept(world, offerId, [1, 1], { paymentMethod: 'pm_ok' });
    await world.ledger.admit(offerId, ACTOR);
    const [paying = '', paid = ''] = bookings.map(({ bookingId }) => bookingId);
    await world.ledger.recordCharge(paid, 2, { kind: 'captured' }, ACTOR);
    await world.ledger.changeOffer(offerId, { paused: true }, ACTOR);
    for (const id of [paying, paid]) await world.ledger.beginFulfilment(id, 0);
    const driven = (await world.ledger.stalledFulfilments(1000)).map(({ bookingId }) => bookingId);
    expect(driven).toEqual(expect.arrayContaining([paying, paid]));
  },

  'one request that the database cannot take fails alone': async (world) => {
    const { id } = await newOffer(world, { capacity: 50 });
    const door = doorOf(world.ledger);
    const bad = [{ quantity: 0 }, { quantity: 3_000_000_000 }, { email: 'a\u0000b' }];
    const requests = Array.from({ length: 24 }, (_, n) =>
      requestFor(id, n % 8 === 3 ? (bad[(n - 3) / 8] ?? {}) : {}),
    );
    const answers = await Promise.allSettled(requests.map((request) => door.accept(request, () => false)));
    expect(answers.flatMap(({ status }, n) => (status === 'rejected' ? [n] : []))).toEqual([3, 11, 19]);
    const seqs = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value.seq] : []));
    expect(seqs).toEqual(seqs.map((_, index) => index + 1));
  },

  'the tables themselves refuse what would break the count of units': async (world) => {
    const { id } = await newOffer(world, { capacity: 3 });
    for (const change of [
      'available = available - 1',
      'capacity = capacity + 1',
      'available = -1, held = held + available + 1',
      'paid = held + 1',
      'sold = -1, available = available + 1',
    ]) {
      const refused = await refusalOf(world.sql(`update stock set ${change} where offer_id = $1`, [id]));
      expect({ change, refused }).toEqual({ change, refused: '23514' });
    }
    expect(await refusalOf(world.sql('update booking_line set waiting = -1 where offer_id = $1', [id]))).toBe(
      '23514',
    );
    const [booking] = await accept(world, id, [1]);
    const twice = `insert into booking select (jsonb_populate_record(b, jsonb_build_object('id', $2::uuid))).* from booking b where id = $1`;
    expect(await refusalOf(world.sql(twice, [booking?.bookingId, randomUUID()]))).toBe('23505');
  },
};
