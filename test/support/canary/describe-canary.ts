import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { Ground } from '../app.js';
import type { CanaryBroker } from './canary-sale.js';
import { CanarySale } from './canary-sale.js';
import { Canaries } from './canaries.js';

type Json = ReturnType<typeof JSON.parse>;

/** A role of the database server with this password; to be removed when the database is gone. */
async function withRole(url: string, password: string): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `canary_${randomBytes(6).toString('hex')}`;
  const admin = new URL(url);
  admin.pathname = '/postgres';
  const run = async (statement: string): Promise<void> => {
    const client = new Client({ connectionString: admin.href });
    await client.connect();
    await client.query(statement).finally(() => client.end());
  };
  await run(`create role ${name} superuser login password '${password}'`);
  const own = new URL(url);
  [own.username, own.password] = [name, password];
  return { url: own.href, drop: () => run(`drop role if exists ${name}`) };
}

/** Where the application may keep personal data: if nothing is found there, nothing was looked for. */
const LEDGER = ['booking', 'audit_event', 'idempotency_key'] as const;

/** G8: whatever happens in a sale, its secrets and its customers' data are in the ledger and in mails alone. */
export function describeCanary(
  name: string,
  openBroker: (ground: Ground, canaries: Canaries) => Promise<CanaryBroker & { close(): Promise<void> }>,
): void {
  describe(`Canaries in a sale on ${name}`, () => {
    let ground: Ground;
    let sale: CanarySale;
    let broker: CanaryBroker & { close(): Promise<void> };
    let role: Awaited<ReturnType<typeof withRole>>;
    let ids: readonly string[];
    beforeAll(async () => {
      ground = await Ground.prepare();
      const canaries = new Canaries();
      role = await withRole(ground.databaseUrl, canaries.databasePassword);
      broker = await openBroker(ground, canaries);
      sale = await CanarySale.open(ground, broker, canaries, role.url);
      ids = await sale.run();
    }, 300_000);
    afterAll(async () => {
      await sale.close();
      await broker.close();
      await ground.release();
      await role.drop();
    });

    const rowsOf = async (table: string): Promise<string> =>
      (await ground.sql(`select t::text as row from ${table} t`)).map(({ row }: Json) => row).join('\n');
    const kinds = (found: readonly string[]): string[] => [
      ...new Set(found.map((canary) => canary.replace(/ \d+$/, ''))),
    ];
    const linesWith = (lines: readonly string[]): Record<string, string[]> =>
      Object.fromEntries(
        lines.flatMap((line) => {
          const found = sale.canaries.foundIn(line);
          return found.length === 0 ? [] : [[line.slice(0, 300), kinds(found)]];
        }),
      );

    it('are in the ledger and in the mails, where they belong', async () => {
      const found: string[] = [];
      for (const table of LEDGER) found.push(...sale.canaries.foundIn(await rowsOf(table)));
      expect(kinds(found)).toEqual(
        expect.arrayContaining(['e-mail address', 'payment method', 'address', 'Idempotency-Key']),
      );
      expect(sale.mail.mails.length).toBeGreaterThan(0);
    });

    it('are in no line that a process logs, to whatever detail', () => {
      for (const app of sale.processes) {
        expect(app.lines.length).toBeGreaterThan(10);
        expect(linesWith([...app.lines, ...app.stderr.split('\n')])).toEqual({});
      }
      const events = sale.processes.flatMap((app) => app.records.map(({ event }) => event));
      expect(events).toEqual(expect.arrayContaining(['listening', 'job.begun', 'job.retried', 'audit.head']));
    });

    it('are in no metric and no answer about health', () => {
      expect(sale.told.join('\n')).toContain('fairline_dead_letters_total');
      expect(linesWith(sale.told.flatMap((text) => text.split('\n')))).toEqual({});
    });

    it('are in nothing that the broker holds or ever held', () => {
      const carried = [...sale.carried];
      expect(ids.filter((id) => carried.some((item) => item.includes(id))).length).toBeGreaterThan(3);
      expect(linesWith(carried)).toEqual({});
    });

    it('are in no dead letter', async () => {
      const letters = await rowsOf('dead_letter');
      expect(letters).toContain('RETRIES_EXHAUSTED');
      expect(linesWith(letters.split('\n'))).toEqual({});
    });

    it('are found by the id of the request that began a booking: in the lines of its jobs and in its mails', () => {
      const ended = sale.processes.flatMap((app) => app.records.filter(({ event }) => event === 'job.done'));
      for (const job of ended.filter(({ bookingId }) => bookingId !== undefined))
        expect(job).toMatchObject({
          correlationId: expect.stringMatching(/.{8}/),
          bookingId: expect.any(String),
        });
      for (const mail of sale.mail.mails) {
        const header = mail.headers.find(({ key }) => key === 'x-correlation-id');
        const about = mail.messageId?.split('.')[1];
        const lines = sale.processes.flatMap((app) =>
          app.records.filter(
            ({ bookingId, correlationId }) => bookingId === about && correlationId === header?.value,
          ),
        );
        expect({ kind: mail.messageId?.split('.')[0], traced: header !== undefined }).toMatchObject({
          traced: true,
        });
        if (mail.messageId?.startsWith('<ticket.') === true) expect(lines.length).toBeGreaterThan(0);
      }
    });
  });
}
