import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ERRORS } from '../../../src/common/errors.js';
import { openApiOf } from '../../../src/api-document.js';
import { startApp, type TestApp } from '../../support/app.js';

jest.setTimeout(60_000);

type Json = ReturnType<typeof JSON.parse>;

/** The routes that clients of ticket sales rely on. */
const PROMISED = [
  'POST /api/bookings',
  'GET /api/bookings',
  'GET /api/bookings/{id}',
  'DELETE /api/bookings/{id}',
  'POST /api/bookings/{id}/payment',
  'GET /api/bookings/{id}/ticket.pdf',
  'GET /api/offers',
  'GET /api/offers/{id}',
  'GET /api/offers/{id}/nights',
  'POST /api/offers',
  'PATCH /api/offers/{id}',
  'GET /api/tickets/{code}',
  'POST /api/tickets/{code}/redeem',
  'POST /api/admin/bookings/{id}/refund',
  'GET /api/admin/dead-letters',
  'POST /api/admin/dead-letters/{id}/replay',
  'POST /api/admin/dead-letters/{id}/discard',
  'GET /api/admin/queue',
  'GET /api/admin/invariants',
  'GET /api/admin/audit',
  'GET /api/admin/bookings.ndjson',
];

describe('the OpenAPI document', () => {
  let test: TestApp;
  let document: Json;
  let operations: { name: string; description: Json }[];
  beforeAll(async () => {
    test = await startApp({ ROLE: 'api' });
    document = JSON.parse(JSON.stringify(openApiOf(test.app)));
    operations = Object.entries<Json>(document.paths).flatMap(([path, methods]) =>
      Object.entries<Json>(methods).map(([method, description]) => ({
        name: `${method.toUpperCase()} ${path}`,
        description,
      })),
    );
  });
  afterAll(() => test.close());

  it('is checked in as it is: run `npm run docs`', () => {
    const kept = JSON.parse(readFileSync(join(__dirname, '../../../docs/openapi.json'), 'utf8'));
    expect(kept).toEqual(document);
  });

  it('is served by the application', async () => {
    const { body } = await test.api.get('/docs/openapi.json').expect(200);
    expect(body).toEqual(document);
  });

  it('lists every route that was promised', () => {
    expect(operations.map(({ name }) => name)).toEqual(expect.arrayContaining(PROMISED));
  });

  it('says of each what it does, what it answers and which codes it refuses with', () => {
    // Health is for balancers, and explained with the monitor.
    for (const { name, description } of operations.filter(({ name }) => !name.includes('/health/'))) {
      expect({ name, summary: description.summary }).toEqual({ name, summary: expect.any(String) });
      const statuses = Object.keys(description.responses);
      expect({ name, served: statuses.some((status) => status.startsWith('2')) }).toEqual({
        name,
        served: true,
      });
      const named = Object.entries<Json>(description.responses).flatMap(([status, response]) =>
        [...String(response.description).matchAll(/`([A-Z_]+)`/g)].map(([, code = '']) => ({ status, code })),
      );
      expect({ name, codes: named.length > 0 }).toEqual({ name, codes: true });
      for (const { status, code } of named) {
        const known = Object.entries(ERRORS).find(([one]) => one === code);
        expect({ name, code, status }).toEqual({ name, code, status: String(known?.[1].status) });
      }
    }
  });

  it('lists with each refusal its codes, and with every answer the headers that come with it', () => {
    for (const { name, description } of operations) {
      for (const [status, response] of Object.entries<Json>(description.responses)) {
        expect({ name, status, headers: Object.keys(response.headers) }).toMatchObject({
          headers: expect.arrayContaining(['X-Request-Id']),
        });
        const [general, own] = response.content['application/problem+json']?.schema.allOf ?? [];
        if (general === undefined) continue;
        expect(general).toEqual({ $ref: '#/components/schemas/ProblemDto' });
        const told = own.properties.code.enum.map((code: keyof typeof ERRORS) => ERRORS[code].status);
        expect({ name, status, told: [...new Set(told)] }).toEqual({ name, status, told: [Number(status)] });
      }
    }
  });

  it('says what leads on to what by operations that there are', () => {
    const known = operations.map(({ description }) => description.operationId);
    const links = operations.flatMap(({ description }) =>
      Object.values<Json>(description.responses).flatMap((response) =>
        Object.values<Json>(response.links ?? {}),
      ),
    );
    expect(links.length).toBeGreaterThan(0);
    expect(known).toEqual(expect.arrayContaining(links.map(({ operationId }) => operationId)));
  });

  it('lets nobody join a line without a token where AUTH_REQUIRED says so', async () => {
    const joining = (one: Json): Json => one.paths['/api/bookings'].post.security;
    expect(joining(document)).toEqual([{}, { bearer: [] }]);
    const strict = await startApp({ ROLE: 'api', AUTH_REQUIRED: 'true' }, test.ground);
    try {
      expect(joining(openApiOf(strict.app))).toEqual([{ bearer: [] }]);
    } finally {
      await strict.close();
    }
  });

  it('describes every field of every body', () => {
    for (const { name, description } of operations) {
      const reference: string | undefined = description.requestBody?.content['application/json'].schema.$ref;
      if (reference === undefined) continue;
      const schema = document.components.schemas[reference.split('/').at(-1) ?? ''];
      const types = Object.values<Json>(schema.properties).map((one) => one.type ?? one.allOf ?? one.$ref);
      expect({ name, undescribed: types.filter((type) => type === undefined) }).toEqual({
        name,
        undescribed: [],
      });
    }
  });

  it('describes what is answered: each has its fields and no other', async () => {
    const fieldsOf = (dto: string): string[] =>
      Object.keys(document.components.schemas[dto].properties).sort();
    const offer = await test.api.offer();
    expect(Object.keys(offer).sort()).toEqual(fieldsOf('TicketOfferDto'));
    const accepted = await test.api.book(offer);
    expect(Object.keys(accepted).sort()).toEqual(fieldsOf('AcceptanceDto'));
    expect(Object.keys(await test.api.read(accepted)).sort()).toEqual(fieldsOf('BookingDto'));
    const seen = async (path: string): Promise<Json> =>
      (await test.api.get(`/api/admin/${path}`, test.api.operator).expect(200)).body;
    const queue = await seen('queue');
    expect(Object.keys(queue).sort()).toEqual(fieldsOf('QueueDto'));
    expect(Object.keys(queue.types['booking.admit']).sort()).toEqual(fieldsOf('JobCountsDto'));
    const invariants = await seen('invariants');
    expect(Object.keys(invariants).sort()).toEqual(fieldsOf('InvariantsDto'));
    expect(Object.keys(invariants.invariants.F1).sort()).toEqual(fieldsOf('InvariantDto'));
    const audit = await seen('audit');
    expect(Object.keys(audit).sort()).toEqual(fieldsOf('AuditDto'));
    expect(Object.keys(audit.events[0]).sort()).toEqual(fieldsOf('AuditEventDto'));
    expect(Object.keys(offer.cancellation).sort()).toEqual(fieldsOf('CancellationTermsDto'));
  });
});
