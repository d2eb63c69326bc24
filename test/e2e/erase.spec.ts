import { randomUUID } from 'node:crypto';
import {
  MAX_LENGTH,
  accepted,
  ACTOR,
  newOffer,
  openLedger,
  requestFor,
  type TestLedger,
} from '../support/ledger.js';
import { runCommand } from '../support/run-command.js';

const PROGRAM = 'scripts/erase.js';

describe('npm run erase', () => {
  let world: TestLedger;
  beforeAll(async () => {
    world = await openLedger();
  });
  afterAll(() => world.close());

  const erase = (...args: string[]) => runCommand(PROGRAM, args, { DATABASE_URL: world.url });

  it('forgets a customer, and is refused while a booking of theirs is not over', async () => {
    const { id } = await newOffer(world);
    const customerId = `fan-${randomUUID()}`;
    const request = requestFor(id, { customerId, email: 'fan@example.org' });
    const { bookingId } = accepted((await world.ledger.accept([request], MAX_LENGTH)).outcomes[0]);
    const refused = await erase('--user', customerId);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('BOOKINGS_OPEN');
    expect(refused.stderr).toContain(bookingId);
    await world.ledger.cancel(bookingId, ACTOR);
    const done = await erase('--user', customerId);
    expect(done).toMatchObject({ code: 0, stderr: '' });
    expect(done.stdout).toMatch(/^Bookings that name nobody any more: 1 /);
    const rows = await world.sql('select from booking where customer_id = $1 or email is not null', [
      customerId,
    ]);
    expect(rows).toEqual([]);
    const [event] = await world.sql(`select actor_kind, actor_id from audit_event where action = 'erase'`);
    expect(event).toEqual({ actor_kind: 'operator', actor_id: 'command-line' });
  });

  it('asks for whom it is to forget', async () => {
    const asked = await erase();
    expect(asked).toMatchObject({ code: 2, stdout: '' });
    expect(asked.stderr).toContain('--user');
  });
});
