import { AppProcess } from '../../support/process.js';
import { Api, Ground, unique, wish } from '../../support/app.js';
import { freePort } from '../../../src/database/embedded/free-port.js';

jest.setTimeout(120_000);

type Json = ReturnType<typeof JSON.parse>;

const LIMIT = 4;
const AT_ONCE = 50;

/** Customers ask two processes at once: neither knows what the other is about to commit. */
describe('the limit per customer, asked of two api processes at once', () => {
  let ground: Ground;
  let processes: AppProcess[];
  let doors: Api[];
  beforeAll(async () => {
    ground = await Ground.prepare();
    const start = async (): Promise<AppProcess> => {
      const ports = { PORT: String(await freePort()), PROMETHEUS_PORT: String(await freePort()) };
      return AppProcess.spawn(['--role', 'api'], ground.env({ ...ports, LOG_LEVEL: 'info' }));
    };
    processes = [await start(), await start()];
    doors = await Promise.all(processes.map(async (one) => Api.at((await one.listening()).url)));
  });
  afterAll(async () => {
    await Promise.all(processes.map((one) => one.stop()));
    await ground.release();
  });

  const door = (index: number): Api => {
    const found = doors[index % doors.length];
    if (found === undefined) throw new Error('there is no door');
    return found;
  };
  const offerOf = (capacity = 100): Promise<Json> =>
    door(0).offer({ capacity, limitPerCustomer: LIMIT, maxQuantity: LIMIT });
  /** All at once, every other one of the other process; what each was answered. */
  const ask = (bodies: readonly object[], keyOf?: (index: number) => string): Promise<Json[]> =>
    Promise.all(
      bodies.map(async (body, index) => {
        const asked = door(index).post('/api/bookings', body);
        const { status, body: answer } = await (keyOf === undefined
          ? asked
          : asked.set('Idempotency-Key', keyOf(index)));
        return status === 202 ? answer : answer.code;
      }),
    );
  const refusals = (answers: readonly Json[]): string[] => answers.filter((one) => typeof one === 'string');
  const unitsOf = async (userId: string, offer: { id: string }): Promise<number> => {
    const [row] = await ground.sql(
      'select coalesce(sum(quantity), 0)::int as units from booking where customer_id = $1 and offer_id = $2',
      [userId, offer.id],
    );
    return row.units;
  };
  const F7 = async (): Promise<Json> => {
    const { body } = await door(1).get('/api/admin/invariants', door(1).operator).expect(200);
    const { ok, violations } = body.invariants.F7;
    return { ok, violations };
  };

  afterEach(async () => {
    expect(await F7()).toEqual({ ok: true, violations: [] });
  });

  it('lets four of fifty in, without a key', async () => {
    const [offer, userId] = [await offerOf(), unique('fan')];
    const answers = await ask(Array.from({ length: AT_ONCE }, () => wish(offer, { userId })));
    expect(refusals(answers)).toEqual(Array<string>(AT_ONCE - LIMIT).fill('LIMIT_PER_CUSTOMER'));
    expect(await unitsOf(userId, offer)).toBe(LIMIT);
  });

  it('lets four of fifty in, each with a key of its own', async () => {
    const [offer, userId] = [await offerOf(), unique('fan')];
    const bodies = Array.from({ length: AT_ONCE }, () => wish(offer, { userId }));
    const keys = bodies.map(() => unique('key'));
    const keyed = (): Promise<Json[]> => ask(bodies, (index) => keys[index] ?? '');
    const first = await keyed();
    expect(refusals(first)).toEqual(Array<string>(AT_ONCE - LIMIT).fill('LIMIT_PER_CUSTOMER'));
    // Again, at the other door: who was let in is told so once more, and nobody else is.
    const again = await ask([...bodies].reverse(), (index) => keys[AT_ONCE - 1 - index] ?? '');
    const idsOf = (answers: readonly Json[]): string[] => answers.map((one) => one.bookingId ?? one).sort();
    expect(idsOf(again)).toEqual(idsOf(first));
    expect(await unitsOf(userId, offer)).toBe(LIMIT);
  });

  it('counts fifty requests under one key as one', async () => {
    const [offer, userId] = [await offerOf(), unique('fan')];
    const bodies = Array.from({ length: AT_ONCE }, () => wish(offer, { userId, quantity: 3 }));
    const key = unique('key');
    const answers = await ask(bodies, () => key);
    expect(new Set(answers.map((one) => one.bookingId)).size).toBe(1);
    expect(await unitsOf(userId, offer)).toBe(3);
  });

  it('counts units, not bookings: never more than four, and never fewer than fit', async () => {
    const [offer, userId] = [await offerOf(), unique('fan')];
    const bodies = Array.from({ length: AT_ONCE }, (_, n) => wish(offer, { userId, quantity: 1 + (n % 3) }));
    await ask(bodies);
    expect(await unitsOf(userId, offer)).toBe(LIMIT);
  });

  it('holds for each of many customers and offers in the same batches', async () => {
    const offers = [await offerOf(), await offerOf()];
    const fans = Array.from({ length: 5 }, () => unique('fan'));
    const bodies = Array.from({ length: 12 }, () =>
      offers.flatMap((offer) => fans.map((userId) => wish(offer, { userId }))),
    ).flat();
    const answers = await ask(bodies, (index) => `${String(bodies[index]?.['userId'])}-${index}`);
    expect(refusals(answers).filter((code) => code !== 'LIMIT_PER_CUSTOMER')).toEqual([]);
    for (const offer of offers) {
      for (const userId of fans) expect(await unitsOf(userId, offer)).toBe(LIMIT);
    }
  });

  it('lets in again what was given back, and no more', async () => {
    const [offer, userId] = [await offerOf(), unique('fan')];
    const [one] = (await ask([wish(offer, { userId, quantity: LIMIT })])) as [Json];
    await door(1).delete(`/api/bookings/${one.bookingId}`, one.token).expect(200);
    const answers = await ask(Array.from({ length: AT_ONCE }, () => wish(offer, { userId })));
    expect(refusals(answers)).toHaveLength(AT_ONCE - LIMIT);
  });
});
