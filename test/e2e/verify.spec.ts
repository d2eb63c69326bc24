import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { Ledger, ROUTINES } from '../../src/booking/ledger/ledger.js';
import { Database } from '../../src/database/database.js';
import { findEmbedded, startEmbedded } from '../../src/database/embedded/embedded-postgres.js';
import { migrate } from '../../src/database/migrate.js';
import { eventually } from '../support/app.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { runCommand } from '../support/run-command.js';

const PROGRAM = 'scripts/verify.js';
const OFFER = `
  insert into offer (id, kind, group_id, unit_type, title, venue, time_zone, starts_at, price_minor, currency,
    hold_seconds, limit_per_customer, max_quantity)
  values ('o1', 'ticket', 'e1', 'standard', 'A concert', 'Hall', 'UTC', now() + interval '30 days', 100, 'EUR', 60, 4, 4);
  insert into booking_line (offer_id) values ('o1');
  insert into stock (offer_id, day, capacity, available, held, paid, sold) values ('o1', current_date, 10, 10, 0, 0, 0);`;

async function run(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

describe('npm run verify on the database of DATABASE_URL', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
    await migrate(database.url, ROUTINES);
    await run(database.url, OFFER);
  });
  afterAll(() => database.drop());

  it('says what it checked, a line for each invariant, and exits with 0 when all hold', async () => {
    const { code, stdout, stderr } = await runCommand(PROGRAM, [], { DATABASE_URL: database.url });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.trimEnd().split('\n');
    expect(lines.slice(0, 7).map((line) => line.slice(0, 9))).toEqual(
      ['F1', 'F2', 'F3', 'F4', 'F5', 'F6', 'F7'].map((name) => `ok     ${name}`),
    );
    expect(lines.at(-1)).toBe('ok: every invariant holds');
  });

  it('names the invariant that is broken and what broke it, and exits with 1', async () => {
    await run(database.url, "update stock set available = 9, held = 1 where offer_id = 'o1'");
    try {
      const shown = await runCommand(PROGRAM, [], { DATABASE_URL: database.url });
      expect(shown.code).toBe(1);
      expect(shown.stdout).toMatch(/BROKEN F1 .*\n +offer o1.*held 1/);
      const { code, stdout } = await runCommand(PROGRAM, ['--json'], { DATABASE_URL: database.url });
      expect(code).toBe(1);
      expect(JSON.parse(stdout)).toMatchObject({
        ok: false,
        invariants: { F1: { ok: false }, F2: { ok: true } },
      });
    } finally {
      await run(database.url, "update stock set available = 10, held = 0 where offer_id = 'o1'");
    }
  });

  it('compares the audit chain with heads that were kept elsewhere, named or in logs', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fairline-anchors-'));
    const connection = new Database(database.url, 1);
    const ledger = new Ledger(connection);
    try {
      await ledger.noteOperation('export', null, { kind: 'operator', id: 'op', correlationId: 'c' }, {});
      const head = await eventually('a seal', async () => {
        await ledger.seal();
        const now = await ledger.auditHead();
        return now.sequence > 0 ? now : null;
      });
      const forged = `${head.sequence}:${'0'.repeat(64)}`;
      const [log, empty] = [join(folder, 'worker.log'), join(folder, 'empty.log')];
      await writeFile(log, `{"level":"info"}\n{"event":"audit.head","anchor":"${head.anchor}","pid":1}\n`);
      await writeFile(empty, 'nothing of the kind\n');
      const verify = (...args: string[]) => runCommand(PROGRAM, args, { DATABASE_URL: database.url });
      const good = await verify('--anchor', head.anchor, '--anchors', log);
      expect(good).toMatchObject({ code: 0, stderr: '' });
      expect(good.stdout).toContain('compared with 1 anchor');
      const bad = await verify('--anchors', log, '--anchor', forged);
      expect(bad.code).toBe(1);
      expect(bad.stdout).toMatch(
        /BROKEN F6 .*\n +seal 1 is not the one of the anchor 1:0{64}: the chain was made anew/,
      );
      for (const args of [
        ['--anchor', 'head'],
        ['--anchors', empty],
        ['--anchors', join(folder, 'none')],
      ]) {
        expect({ args, code: (await verify(...args)).code }).toEqual({ args, code: 2 });
      }
    } finally {
      await connection.close();
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('exits with 2 where there is nothing to check, and says why', async () => {
    const empty = await createTestDatabase();
    try {
      const { code, stdout, stderr } = await runCommand(PROGRAM, [], { DATABASE_URL: empty.url });
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain('could not be checked');
    } finally {
      await empty.drop();
    }
  });
});

describe('npm run verify on the embedded database of DATA_DIR', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairline-verify-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('joins one that runs and leaves it running; starts one that does not, and stops it again', async () => {
    const embedded = await startEmbedded({ dataDir: folder });
    try {
      await migrate(embedded.url, ROUTINES);
      const beside = await runCommand(PROGRAM, [], { DATA_DIR: folder });
      expect(beside).toMatchObject({ code: 0, stderr: '' });
      expect(await findEmbedded(folder)).toBe(embedded.url);
      await embedded.stop();
      const alone = await runCommand(PROGRAM, [], { DATA_DIR: folder });
      expect(alone).toMatchObject({ code: 0, stderr: '' });
      expect(await findEmbedded(folder)).toBeNull();
    } finally {
      const last = await startEmbedded({ dataDir: folder });
      await embedded.stop();
      await last.discard();
    }
  }, 60_000);

  it('makes no database where there is none, and exits with 2', async () => {
    const { code, stderr } = await runCommand(PROGRAM, [], { DATA_DIR: folder });
    expect(code).toBe(2);
    expect(stderr).toContain(`There is no database in ${folder} yet`);
    expect(await findEmbedded(folder)).toBeNull();
  });
});
