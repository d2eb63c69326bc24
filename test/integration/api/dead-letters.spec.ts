import { setTimeout as sleep } from 'node:timers/promises';
import { SMTPServer } from 'smtp-server';
import PostalMime, { type Email } from 'postal-mime';
import { freePort } from '../../../src/database/embedded/free-port.js';
import { eventually, startApp, unique, type TestApp } from '../../support/app.js';

jest.setTimeout(60_000);

type Json = ReturnType<typeof JSON.parse>;

describe('a paid booking whose fulfilment fails for good', () => {
  let test: TestApp;
  let smtpPort: number;
  beforeAll(async () => {
    smtpPort = await freePort();
    test = await startApp({
      SMTP_URL: `smtp://127.0.0.1:${smtpPort}`,
      JOB_ATTEMPTS: '2',
      JOB_BACKOFF_MS: '20',
    });
  });
  afterEach(async () => {
    expect(await test.api.broken()).toEqual({});
  });
  afterAll(() => test.close());

  const letters = async (query = '?state=open'): Promise<Json[]> =>
    (await test.api.get(`/api/admin/dead-letters${query}`, test.api.operator).expect(200)).body.deadLetters;
  const letterOf = (bookingId: string): Promise<Json> =>
    eventually(`a dead letter of ${bookingId}`, async () => {
      const found = (await letters()).find((letter) => letter.bookingId === bookingId);
      return found ?? null;
    });
  const resolve = (letter: Json, verb: string) =>
    test.api.post(`/api/admin/dead-letters/${letter.id}/${verb}`, undefined, test.api.operator);
  const stepsOf = (bookingId: string): Promise<Json[]> =>
    test.ground.sql(
      'select step, succeeded_at from booking_step where booking_id = $1 order by succeeded_at',
      [bookingId],
    );
  const chargesOf = (bookingId: string): Promise<Json[]> =>
    test.ground.sql('select key, state, amount_minor from sandbox_bank.charges where booking_id = $1', [
      bookingId,
    ]);
  const buried = async (offer: { eventId: string }, more = {}): Promise<{ accepted: Json; letter: Json }> => {
    const accepted = await test.api.book(offer, {
      paymentMethod: 'pm_ok',
      email: 'fan@example.org',
      ...more,
    });
    return { accepted, letter: await letterOf(accepted.bookingId) };
  };

  it('becomes a dead letter that says what and how often, and nothing personal; the money stays safe', async () => {
    const { accepted, letter } = await buried(await test.api.offer());
    expect(letter).toEqual({
      id: expect.any(String),
      bookingId: accepted.bookingId,
      jobId: accepted.jobId,
      jobType: 'booking.fulfil',
      fence: 2,
      reason: 'RETRIES_EXHAUSTED',
      attempts: 2,
      state: 'open',
      createdAt: expect.any(String),
      resolvedAt: null,
      resolvedBy: null,
    });
    expect(await test.api.read(accepted)).toMatchObject({ state: 'paid', progress: 50 });
    expect((await stepsOf(accepted.bookingId)).map(({ step }) => step)).toEqual([
      'validate',
      'payment',
      'pdf',
    ]);
    // Nobody drives it any more until somebody decides.
    await sleep(300);
    expect(await letters()).toEqual(expect.arrayContaining([letter]));
    // The tickets are there already: they are on the booking's page, whatever becomes of the mail.
    await test.api.get(`/api/bookings/${accepted.bookingId}/ticket.pdf`, accepted.token).expect(200);
  });

  it('is given up by an operator: refunded at the bank, tickets revoked, units to the next in line', async () => {
    const offer = await test.api.offer({ capacity: 1 });
    const { accepted, letter } = await buried(offer);
    const [code] = (await test.api.read(accepted)).ticketCodes;
    const sold = await test.api.post('/api/bookings', { userId: unique('fan'), eventId: offer.eventId });
    expect(sold.body.code).toBe('SOLD_OUT');
    const { body } = await resolve(letter, 'discard').expect(200);
    expect(body).toMatchObject({ id: letter.id, state: 'discarded', resolvedBy: 'operator' });
    expect(await test.api.read(accepted)).toMatchObject({ state: 'refunded', ticketCodes: [] });
    const refunds = await eventually('the refund', async () => {
      const rows = await test.ground.sql(
        "select * from refund where booking_id = $1 and state = 'succeeded'",
        [accepted.bookingId],
      );
      return rows.length > 0 ? rows : null;
    });
    expect(refunds).toHaveLength(1);
    const atBank = await test.ground.sql(
      'select amount_minor from sandbox_bank.refunds where charge_key = $1',
      [refunds[0].provider_key],
    );
    expect(atBank).toEqual([{ amount_minor: '4500' }]);
    expect((await test.api.get(`/api/tickets/${code}`).expect(200)).body).toMatchObject({
      state: 'revoked',
      valid: false,
    });
    const entrance = await test.api
      .post(`/api/tickets/${code}/redeem`, undefined, test.api.operator)
      .expect(409);
    expect(entrance.body.code).toBe('TICKET_REVOKED');
    const pdf = await test.api
      .get(`/api/bookings/${accepted.bookingId}/ticket.pdf`, accepted.token)
      .expect(409);
    expect(pdf.body.code).toBe('TICKET_NOT_READY');
    await test.api.until(await test.api.book(offer), 'held');
    expect((await resolve(letter, 'discard').expect(409)).body.code).toBe('DEAD_LETTER_RESOLVED');
    expect((await resolve(letter, 'replay').expect(409)).body.code).toBe('DEAD_LETTER_RESOLVED');
  });

  it('is decided once, also when 20 operators decide at once and otherwise', async () => {
    const { accepted, letter } = await buried(await test.api.offer());
    const answers = await Promise.all(Array.from({ length: 20 }, () => resolve(letter, 'discard')));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    const rows = await test.ground.sql('select * from refund where booking_id = $1', [accepted.bookingId]);
    expect(rows).toHaveLength(1);
  });

  it('answers an operator who asks twice with the same key as the first time, and refuses the key for another', async () => {
    const [one, other] = [await buried(await test.api.offer()), await buried(await test.api.offer())];
    for (const verb of ['replay', 'discard']) {
      const key = unique('key');
      const keyed = (letter: Json) => resolve(letter, verb).set('Idempotency-Key', key);
      const letter = verb === 'replay' ? one.letter : await letterOf(one.accepted.bookingId);
      const first = await keyed(letter).expect(200);
      expect((await keyed(letter).expect(200)).text).toBe(first.text);
      expect((await keyed(other.letter).expect(422)).body.code).toBe('IDEMPOTENCY_KEY_REUSED');
    }
    expect(await test.api.read(one.accepted)).toMatchObject({ state: 'refunded' });
    expect(await test.api.read(other.accepted)).toMatchObject({ state: 'paid' });
  });

  it('is listed page by page, newest first, and by what became of it', async () => {
    const all = await letters('');
    expect(all.length).toBeGreaterThan(2);
    const [first] = await letters('?limit=1');
    expect(first).toEqual(all[0]);
    const rest = await letters(`?before=${first.createdAt}`);
    expect(rest).toEqual(all.slice(1));
    expect((await letters('?state=discarded')).every(({ state }) => state === 'discarded')).toBe(true);
  });

  it('comes back as a dead letter when it is replayed and what failed still fails', async () => {
    const { accepted, letter } = await buried(await test.api.offer());
    expect((await resolve(letter, 'replay').expect(200)).body.state).toBe('replayed');
    const again = await letterOf(accepted.bookingId);
    expect(again.id).not.toBe(letter.id);
    expect(await chargesOf(accepted.bookingId)).toHaveLength(1);
  });

  it('goes on at the step that failed when it is replayed: what succeeded is not done again', async () => {
    const { accepted, letter } = await buried(await test.api.offer(), { quantity: 2 });
    const [before, charges] = [await stepsOf(accepted.bookingId), await chargesOf(accepted.bookingId)];
    const { ticketCodes } = await test.api.read(accepted);
    const mails: Email[] = [];
    const server = new SMTPServer({
      disabledCommands: ['AUTH', 'STARTTLS'],
      // The mailer keeps its connections: they are not waited for.
      closeTimeout: 100,
      onData: (stream, _session, done) => {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => {
          void PostalMime.parse(Buffer.concat(chunks)).then((mail) => {
            mails.push(mail);
            done();
          });
        });
      },
    });
    await new Promise<void>((ready) => server.listen(smtpPort, '127.0.0.1', ready));
    try {
      await resolve(letter, 'replay').expect(200);
      const confirmed = await test.api.until(accepted, 'confirmed');
      expect(confirmed.ticketCodes).toEqual(ticketCodes);
      expect((await stepsOf(accepted.bookingId)).slice(0, 3)).toEqual(before);
      expect(await chargesOf(accepted.bookingId)).toEqual(charges);
      const sent = mails.filter((mail) => mail.messageId?.includes(accepted.bookingId));
      expect(sent.map((mail) => mail.attachments.length)).toEqual([1]);
      const queue = await test.api.get('/api/admin/queue', test.api.operator).expect(200);
      expect(queue.body).toMatchObject({ type: 'bullmq' });
    } finally {
      await new Promise<void>((closed) => server.close(() => closed()));
    }
  });

  it('may have failed at the document: then the document is made on replay, and once', async () => {
    await test.ground.sql(
      'alter table booking_document add constraint broken check (octet_length(pdf) < 10) not valid',
    );
    const { accepted, letter } = await buried(await test.api.offer(), { email: undefined });
    expect(await test.api.read(accepted)).toMatchObject({ state: 'paid', progress: 20, ticketCodes: [] });
    await test.ground.sql('alter table booking_document drop constraint broken');
    await resolve(letter, 'replay').expect(200);
    const { ticketCodes } = await test.api.until(accepted, 'confirmed');
    expect(ticketCodes).toHaveLength(1);
    expect(await chargesOf(accepted.bookingId)).toHaveLength(1);
  });
});
