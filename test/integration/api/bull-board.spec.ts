import { JobQueue } from '../../../src/queue/job-queue.js';
import { removeQueue } from '../../support/bull-keys.js';
import { jwt, startApp, unique, type TestApp } from '../../support/app.js';
import { describeWithRedis } from '../../support/redis.js';

jest.setTimeout(60_000);

type Json = ReturnType<typeof JSON.parse>;

const PATH = '/admin/queues';
const HTML = { accept: 'text/html,application/xhtml+xml' };
/** Ways to spell a path below the board, some of which no router takes. */
const SPELLINGS = [
  PATH,
  `${PATH}/`,
  `${PATH}?a=b`,
  `${PATH}/api/queues`,
  `${PATH}/api/redis/stats`,
  `${PATH}/static/js/main.js`,
  `${PATH}/queue/any`,
  `${PATH}/%2e%2e`,
  `${PATH}/..%2fqueues%2fapi%2fqueues`,
  `${PATH}//api/queues`,
  '/admin//queues',
  '/admin/%71ueues',
  '/admin/%71ueues/api/queues',
  '/ADMIN/queues/api/queues',
  '/./admin/queues/api/queues',
];

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Redirects are not followed; the path is sent as it is spelt. */
async function ask(test: TestApp, path: string, asked: Asked = {}) {
  const answer = await test.app.inject({
    method: (asked.method ?? 'GET') as 'GET',
    url: path,
    headers: { host: 'fairline.test', ...asked.headers },
    ...(asked.body !== undefined && { payload: asked.body }),
  });
  return { status: answer.statusCode, headers: answer.headers, text: answer.body };
}
const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
const signIn = (test: TestApp, token: string, origin = 'http://fairline.test') =>
  ask(test, `${PATH}/login`, {
    method: 'POST',
    headers: { ...HTML, origin, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ token }).toString(),
  });

function describeBoard(env: Readonly<Record<string, string>>): void {
  let test: TestApp;
  let name: string;
  beforeAll(async () => {
    name = unique('board');
    test = await startApp({ ROLE: 'api', QUEUE_NAME: name, ...env });
    await test.app.get(JobQueue, { strict: false }).publish([
      { jobId: 'one', type: 'booking.admit', data: { offerId: 'offer' } },
      { jobId: 'two', type: 'booking.admit', data: { offerId: 'offer' } },
      { jobId: 'three', type: 'booking.admit', data: { offerId: 'offer' }, delayMs: 60_000 },
    ]);
  });
  afterAll(() => test.close());

  const operator = (): Record<string, string> => bearer(test.api.operator);

  it('shows its page and the counts of every queue to an operator', async () => {
    for (const path of [PATH, `${PATH}/`]) {
      const page = await ask(test, path, { headers: { ...HTML, ...operator() } });
      expect(page).toMatchObject({
        status: 200,
        text: expect.stringContaining('<base href="/admin/queues/"'),
      });
      expect(page.headers).toMatchObject({
        'content-security-policy': expect.stringContaining("frame-ancestors 'none'"),
        'x-frame-options': 'DENY',
      });
    }
    const { text } = await ask(test, `${PATH}/api/queues?activeQueue=${name}-admit`, { headers: operator() });
    const queues: Json[] = JSON.parse(text).queues;
    expect(queues.map((queue) => queue.name).sort()).toEqual(
      ['admit', 'admit-dead', 'fulfil', 'fulfil-dead'].map((suffix) => `${name}-${suffix}`),
    );
    const admit = queues.find((queue) => queue.name === `${name}-admit`);
    expect(admit.counts).toMatchObject({ prioritized: 2, delayed: 1 });
    expect(admit.readOnlyMode).toBe(true);
  });

  it('is closed without a token, and to customers, however its path is spelt', async () => {
    const customer = bearer(await jwt({ sub: 'ann' }));
    for (const path of SPELLINGS) {
      const [anonymous, known] = [await ask(test, path), await ask(test, path, { headers: customer })];
      expect(`${path}: ${anonymous.status} ${known.status}`).toMatch(/: (401 403|404 404)$/);
      expect(`${anonymous.text}${known.text}`).not.toContain(name);
    }
  });

  it('asks a person who navigates for a token, and a program for none', async () => {
    const person = await ask(test, PATH, { headers: HTML });
    expect(person).toMatchObject({ status: 401, text: expect.stringContaining('<form method="post"') });
    expect(person.headers).toMatchObject({ 'x-frame-options': 'DENY', 'www-authenticate': 'Bearer' });
    const program = await ask(test, `${PATH}/api/queues`);
    expect(program.headers['content-type']).toContain('application/problem+json');
    expect(JSON.parse(program.text).code).toBe('UNAUTHENTICATED');
  });

  it('lets an operator sign in with a cookie that scripts and other sites cannot use, and out again', async () => {
    const signedIn = await signIn(test, test.api.operator);
    expect(signedIn).toMatchObject({ status: 303, headers: { location: PATH } });
    const cookie = String(signedIn.headers['set-cookie']);
    expect(cookie).toMatch(/; Path=\/admin\/queues; HttpOnly; SameSite=Strict$/);
    const headers = { cookie: cookie.split(';')[0] ?? '' };
    expect((await ask(test, `${PATH}/api/queues`, { headers })).status).toBe(200);
    // it opens the board and nothing else
    expect((await ask(test, '/api/admin/queue', { headers })).status).toBe(401);
    const out = await ask(test, `${PATH}/logout`, { headers });
    expect(String(out.headers['set-cookie'])).toContain('Max-Age=0');
  });

  it('signs nobody in with another token, or from another site', async () => {
    expect((await signIn(test, await jwt({ sub: 'ann' }))).status).toBe(403);
    for (const token of ['', 'nonsense', 'a; Domain=evil.test', `${test.api.operator}x`]) {
      const refused = await signIn(test, token);
      expect(refused).toMatchObject({ status: 401, text: expect.stringContaining('<form') });
      expect(refused.headers['set-cookie']).toBeUndefined();
    }
    expect((await signIn(test, 'a'.repeat(5000))).status).toBe(400);
    const elsewhere = await signIn(test, test.api.operator, 'https://evil.test');
    expect(elsewhere.status).toBe(403);
    expect(elsewhere.headers['set-cookie']).toBeUndefined();
  });

  it('refuses every change, by whatever method', async () => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      for (const path of ['/api/queues/pause', `/api/queues/${name}-admit/obliterate`, '/api/queues', '']) {
        const refused = await ask(test, `${PATH}${path}`, { method, headers: operator() });
        expect({ path, status: refused.status, code: JSON.parse(refused.text).code }).toEqual({
          path,
          status: 403,
          code: 'BOARD_READ_ONLY',
        });
      }
    }
    const { types, paused } = await test.app.get(JobQueue, { strict: false }).counts();
    expect({ paused, ...types['booking.admit'] }).toMatchObject({ paused: false, waiting: 2, delayed: 1 });
  });
}

describe('Bull Board on PostgreSQL', () => describeBoard({}));

describe('Bull Board with BULL_BOARD_WRITABLE=true', () => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startApp({ ROLE: 'api', BULL_BOARD_WRITABLE: 'true' });
  });
  afterAll(() => test.close());

  const paused = async (): Promise<boolean> =>
    (await test.app.get(JobQueue, { strict: false }).counts()).paused;

  it('changes the queue for an operator, and for no other site in an operator’s browser', async () => {
    const pause = { method: 'PUT', headers: bearer(test.api.operator) };
    expect((await ask(test, `${PATH}/api/queues/pause`, pause)).status).toBe(200);
    expect(await paused()).toBe(true);
    const cookie = String((await signIn(test, test.api.operator)).headers['set-cookie']).split(';')[0] ?? '';
    const resume = async (headers: Readonly<Record<string, string>>): Promise<number> =>
      (await ask(test, `${PATH}/api/queues/resume`, { method: 'PUT', headers: { cookie, ...headers } }))
        .status;
    expect(await resume({})).toBe(403);
    expect(await resume({ origin: 'https://evil.test' })).toBe(403);
    expect(await resume({ origin: 'null' })).toBe(403);
    expect(await paused()).toBe(true);
    expect(await resume({ origin: 'http://fairline.test' })).toBe(200);
    expect(await paused()).toBe(false);
  });

  it('writes each change to the audit log, with who asked for it and without what was sent, and no other call', async () => {
    const written = async (): Promise<Json[]> =>
      (await test.api.get('/api/admin/audit?limit=100', test.api.operator)).body.events.filter(
        ({ action }: Json) => action === 'queue.board',
      );
    const before = (await written()).length;
    const sent = {
      method: 'PUT',
      headers: { 'x-request-id': 'board-change', 'content-type': 'application/json' },
    };
    const change = `${PATH}/api/queues/booking-queue-admit/concurrency?secret=1`;
    await ask(test, change, { ...sent, body: '{"concurrency":3}' });
    await ask(test, `${PATH}/api/queues`, { headers: bearer(test.api.operator) });
    expect(await written()).toHaveLength(before);
    const headers = { ...sent.headers, ...bearer(test.api.operator) };
    expect((await ask(test, change, { ...sent, headers, body: '{"concurrency":3}' })).status).toBe(200);
    const [newest, ...older] = await written();
    expect(older).toHaveLength(before);
    expect(newest).toMatchObject({
      ...{ action: 'queue.board', actorKind: 'operator', actorId: 'operator', address: '127.0.0.1' },
      ...{ correlationId: 'board-change', offerId: null, bookingId: null },
    });
    expect(newest.detail).toEqual({ method: 'PUT', route: '/api/queues/booking-queue-admit/concurrency' });
  });

  it('changes nothing that it cannot write down', async () => {
    await test.ground.sql('alter function note_operation rename to note_operation_away');
    try {
      const pause = { method: 'PUT', headers: bearer(test.api.operator) };
      expect((await ask(test, `${PATH}/api/queues/pause`, pause)).status).toBe(500);
      expect(await paused()).toBe(false);
    } finally {
      await test.ground.sql('alter function note_operation_away rename to note_operation');
    }
  });

  it('takes a body, as its own API asks for', async () => {
    const { status } = await ask(test, `${PATH}/api/queues/booking-queue-admit/concurrency`, {
      method: 'PUT',
      headers: { ...bearer(test.api.operator), 'content-type': 'application/json' },
      body: JSON.stringify({ concurrency: 3 }),
    });
    expect(status).toBe(200);
  });
});

describeWithRedis('Bull Board on Redis', (url) => {
  it('is not there where the queue is not BullMQ', async () => {
    const test = await startApp({
      ROLE: 'api',
      QUEUE_TYPE: 'streams',
      QUEUE_NAME: unique('board'),
      REDIS_URL: url,
    });
    try {
      const { status, text } = await ask(test, PATH, { headers: { ...HTML, ...bearer(test.api.operator) } });
      expect({ status, code: JSON.parse(text).code }).toEqual({ status: 404, code: 'NOT_FOUND' });
    } finally {
      await test.close();
    }
  });

  describeBoard({ REDIS_URL: url });
  afterAll(() => removeQueue(url, 'board-'));
});
