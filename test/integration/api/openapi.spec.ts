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
