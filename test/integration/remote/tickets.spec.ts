import { status } from '@grpc/grpc-js';
import { eventually, startApp, type TestApp } from '../../support/app.js';
import { RemoteStandIn } from '../../support/remote-stand-in.js';

type Json = ReturnType<typeof JSON.parse>;

describe('a remote ticket service', () => {
  let remote: RemoteStandIn;
  let fairline: TestApp;

  beforeAll(async () => {
    remote = await RemoteStandIn.start();
    remote.unitsAvailable = ({ tickets }) => tickets?.quantity ?? 0;
    fairline = await startApp({
      GRPC_TICKET_SERVICE_URL: remote.url,
      GRPC_CLIENT_DEADLINE_MS: '300',
      GRPC_CLIENT_TOKEN: 'who we are',
    });
  });
  afterAll(async () => {
    await fairline.close();
    remote.stop();
  });
  beforeEach(() => {
    remote.fate = () => 'done';
  });

  const told = (bookingId: string, effects: readonly string[]): Promise<true> =>
    eventually<true>(`${bookingId} told as ${effects.join(', ')}`, () =>
      Promise.resolve(remote.effects(bookingId).join() === effects.join() ? true : null),
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}; it was told ${remote.effects(bookingId).join(', ')}`);
    });
  const backlog = async (): Promise<Json[]> =>
    fairline.ground.sql('select booking_id, kind, state, tries, refusals, reason from remote_telling');
  const quiet = (): Promise<true> =>
    eventually('nothing left to tell', async () => ((await backlog()).length === 0 ? true : null));

  it('is told of each reservation and each confirmation, under the booking and its fence', async () => {
    const { api } = fairline;
    const booking = await api.book(await api.offer(), { paymentMethod: 'pm_ok', quantity: 2 });
    await api.until(booking, 'confirmed');
    await told(booking.bookingId, ['Reserve', 'Confirm']);
    await quiet();
    const calls = remote.told.filter(({ request }) => request.bookingId === booking.bookingId);
    // one that is not answered within the deadline comes again
    const distinct = new Set(
      calls.map(({ method, request }) => [method, request.fence, request.units.tickets.quantity].join(' ')),
    );
    expect([...distinct]).toEqual(['Reserve 1 2', 'Confirm 2 2']);
    expect(new Set(calls.map(({ authorization }) => authorization))).toEqual(new Set(['Bearer who we are']));
  });

  it('is told of each release: who leaves, who is too late, who is given back', async () => {
    const { api } = fairline;
    const offer = await api.offer({ holdSeconds: 1 });
    const late = await api.book(offer);
    const leaver = await api.book(offer);
    await api.until(leaver, 'held');
    await api.delete(`/api/bookings/${leaver.bookingId}`, leaver.token).expect(200);
    const returned = await api.book(offer, { paymentMethod: 'pm_ok' });
    await api.until(returned, 'confirmed');
    await api
      .post(`/api/admin/bookings/${returned.bookingId}/refund`, { reason: 'RAINED_OFF' }, api.operator)
      .expect(200);
    await told(leaver.bookingId, ['Reserve', 'Release']);
    await told(late.bookingId, ['Reserve', 'Release']);
    await told(returned.bookingId, ['Reserve', 'Confirm', 'Release']);
    await quiet();
  });

  it('is not told of those who never held anything', async () => {
    const { api } = fairline;
    const offer = await api.offer({ capacity: 1 });
    const first = await api.book(offer, { paymentMethod: 'pm_ok' });
    const second = await api.book(offer);
    await api.until(second, 'sold_out');
    await told(first.bookingId, ['Reserve', 'Confirm']);
    await quiet();
    expect(remote.effects(second.bookingId)).toEqual([]);
  });

  it('is told again under the same key where nobody knows what became of it', async () => {
    const { api } = fairline;
    const heard = new Map<string, string[]>();
    remote.fate = ({ method, request }) => {
      // it is asked about offers as well, in its own time
      if (method === 'CheckAvailability') return 'done';
      const fences = [...(heard.get(method) ?? []), request.fence];
      heard.set(method, fences);
      return fences.length === 1 ? 'lost' : 'done';
    };
    const booking = await api.book(await api.offer(), { paymentMethod: 'pm_ok' });
    await api.until(booking, 'confirmed');
    await told(booking.bookingId, ['Reserve', 'Confirm']);
    await quiet();
    // more often where an answer takes longer than the deadline
    expect(heard.get('Reserve')?.length).toBeGreaterThanOrEqual(2);
    expect(heard.get('Confirm')?.length).toBeGreaterThanOrEqual(2);
    expect(new Set(heard.get('Reserve'))).toEqual(new Set(['1']));
    expect(new Set(heard.get('Confirm'))).toEqual(new Set(['2']));
  });

  it('that refuses a booking is told again, and no other booking waits for that', async () => {
    const { api } = fairline;
    const offer = await api.offer();
    const unwanted = await api.book(offer);
    remote.fate = ({ request }) =>
      request.bookingId === unwanted.bookingId
        ? { status: status.NOT_FOUND, code: 'OFFER_NOT_FOUND' }
        : 'done';
    const other = await api.book(offer, { paymentMethod: 'pm_ok' });
    await told(other.bookingId, ['Reserve', 'Confirm']);
    // the other one's rows go a moment after it has been told
    await eventually('its refusal, and nothing else left to tell', async () => {
      const [row, ...others] = await backlog();
      const isRefused = row?.booking_id === unwanted.bookingId && row.reason === 'OFFER_NOT_FOUND';
      return isRefused && row.refusals > 0 && others.length === 0 ? true : null;
    });
    remote.fate = () => 'done';
    await told(unwanted.bookingId, ['Reserve']);
    await quiet();
  });

  it('where others come first is told again until it takes the booking; it is not taken for down', async () => {
    const { api } = fairline;
    const offer = await api.offer();
    let isLater = false;
    remote.fate = ({ request }) =>
      !isLater && request.units?.tickets?.eventId === offer.eventId
        ? { status: status.ABORTED, code: 'OTHERS_FIRST' }
        : 'done';
    const early = new Set<string>();
    // More of them than calls that fail before nobody is told anything any more.
    for (let many = 0; many < 8; many++) early.add((await api.book(offer)).bookingId);
    await eventually('that all wait, and count as refused by none', async () => {
      const rows = (await backlog()).filter(({ booking_id }) => early.has(booking_id));
      const wait = rows.filter(({ reason, refusals }) => reason === 'OTHERS_FIRST' && refusals === 0);
      return wait.length === early.size ? true : null;
    });
    const { body } = await api.get('/health/ready').expect(200);
    expect(body.details['remote-ticket']).toMatchObject({ status: 'up' });
    const other = await api.book(await api.offer());
    await told(other.bookingId, ['Reserve']);
    isLater = true;
    await fairline.ground.sql('update remote_telling set next_at = now()');
    await quiet();
  });

  it('is asked about an offer before it opens; what differs is in the audit log and stops nobody', async () => {
    const { api, ground } = fairline;
    const check = (offer: Json): Promise<Json> =>
      eventually('an answer in the audit log', async () => {
        const [row] = await ground.sql(
          `select detail from audit_event where action = 'remote.check' and offer_id = $1`,
          [offer.id],
        );
        return row?.detail ?? null;
      });
    remote.unitsAvailable = ({ tickets }) => tickets.quantity;
    const opensAt = new Date(Date.now() + 30_000).toISOString();
    const agreed = await api.offer({ opensAt, capacity: 7 });
    expect(await check(agreed)).toEqual({ service: 'ticket', asked: 1, differences: [] });

    remote.unitsAvailable = () => 3;
    const differing = await api.offer({ capacity: 5 });
    expect(await check(differing)).toMatchObject({ differences: [{ ours: 5, theirs: 3 }] });
    await api.until(await api.book(differing, { paymentMethod: 'pm_ok' }), 'confirmed');
  });

  it('leaves the ledger in order, and shows in health and metrics', async () => {
    const { api } = fairline;
    expect(await api.broken()).toEqual({});
    const { body } = await api.get('/health/ready').expect(200);
    expect(body.details['remote-ticket']).toEqual({ status: 'up', needed: false, reached: true });
  });
});
