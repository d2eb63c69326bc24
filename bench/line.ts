import { parseArgs } from 'node:util';
import { LineViews } from '../src/realtime/line-views.js';
import { Database } from '../src/database/database.js';
import { actor, LineStage } from './support/line-stage.js';
import { Measurements, positive, timed } from './support/measurements.js';
import { withOwnDatabase } from './support/own-database.js';
import { plansOf } from './support/plans.js';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    plans: { type: 'boolean', default: false },
    waiting: { type: 'string', default: '95000' },
    rounds: { type: 'string', default: '5' },
  },
});
const WAITING = positive('--waiting', values.waiting);
const ROUNDS = positive('--rounds', values.rounds);
/** A line of which some have left in the middle is read in many runs. */
const LEAVERS = 2000;
const CHUNK = 2000;

const measured = new Measurements();
const record = measured.record.bind(measured);
const rounds = (name: string, what: string, next: () => Promise<() => Promise<unknown>>): Promise<void> =>
  measured.rounds(name, what, ROUNDS, next);

class LineBench {
  private readonly stage: LineStage;

  constructor(
    private readonly database: Database,
    private readonly printPlans: boolean,
  ) {
    this.stage = new LineStage(database);
  }

  async run(): Promise<void> {
    await this.warmUp();
    await this.admission();
    await this.blockedFront();
    await this.views();
    await this.sellOut();
    await this.partSellOut();
  }

  /** Plans are made when a sale begins, on empty tables, and kept: so they are here. */
  private async warmUp(): Promise<void> {
    const { ledger } = this.stage;
    const offerId = await this.stage.offer(1);
    await this.stage.join(offerId, 3, { method: 'pm_ok' });
    await ledger.readLine(offerId, null);
    await (
      await this.stage.sale(offerId)
    )();
    await this.write(offerId);
    await ledger.readLine(offerId, { version: 1, lastSeq: 0 });
  }

  private async admission(): Promise<void> {
    const { ledger } = this.stage;
    // As many more as the rounds grant, so that the last of them leaves the number that is asked for.
    const offerId = await this.stage.offer(1000);
    await this.stage.join(offerId, 1000 + WAITING + 501 * (ROUNDS + 1));
    const held = (await ledger.admit(offerId, actor))?.bookings.map(({ id }) => id) ?? [];
    await ledger.admit(offerId, actor);
    const release = async (): Promise<void> => void (await ledger.cancel(held.pop() ?? '', actor));
    const raise = async (): Promise<void> => {
      const offer = await ledger.offer(offerId);
      if (offer?.kind !== 'ticket') throw new Error(`No offer of tickets: ${offerId}`);
      await ledger.changeOffer(offerId, { capacity: offer.stock.capacity + 500 }, actor);
    };
    const admit = () => ledger.admit(offerId, actor);
    await rounds('admitOne', `admit 1 unit, ${WAITING} waiting`, async () => {
      await release();
      return admit;
    });
    await rounds('admit500', `admit 500 units, ${WAITING} waiting`, async () => {
      await raise();
      return admit;
    });
    await release();
    await this.plans('admit 1 unit', 'select admit_bookings($1, 500, $2)', [offerId, actor]);
    await raise();
    await this.plans('admit 500 units', 'select admit_bookings($1, 500, $2)', [offerId, actor]);
    await this.accept(offerId);
  }

  /** The door, beside a long line: what it costs must not grow with the line. */
  private async accept(offerId: string): Promise<void> {
    await rounds('accept500', `accept 500 into a line of ${WAITING}`, () =>
      Promise.resolve(() => this.stage.join(offerId, 500)),
    );
  }

  private async blockedFront(): Promise<void> {
    const { ledger } = this.stage;
    const offerId = await this.stage.offer(4);
    await this.stage.join(offerId, 1);
    await ledger.admit(offerId, actor);
    await this.stage.join(offerId, WAITING, { quantity: 4 });
    await rounds('admitBlocked', `admit nothing, ${WAITING} waiting that do not fit`, () =>
      Promise.resolve(() => ledger.admit(offerId, actor)),
    );
    let last = '';
    await rounds('admitBehindBlocked', `admit 1 unit behind ${WAITING} that do not fit`, async () => {
      if (last !== '') await ledger.cancel(last, actor);
      [last = ''] = await this.stage.join(offerId, 1);
      return () => ledger.admit(offerId, actor);
    });
    await ledger.cancel(last, actor);
    await this.stage.join(offerId, 1);
    await this.plans('admit behind a blocked front', 'select admit_bookings($1, 500, $2)', [offerId, actor]);
  }

  private async views(): Promise<void> {
    const { ledger } = this.stage;
    const offerId = await this.stage.offer(1);
    const ids = await this.stage.join(offerId, WAITING + 5000);
    const whole = () => Promise.resolve(() => ledger.readLine(offerId, null));
    await rounds('readWhole', `read the whole line of ${ids.length}, nobody has left`, whole);
    for (let left = 0; left < LEAVERS; left += 1) {
      await ledger.cancel(ids[Math.floor((left * ids.length) / LEAVERS)] ?? '', actor);
    }
    await rounds('readWholeRuns', `read the whole line in ${LEAVERS} runs`, whole);
    await this.plans('read the whole line', 'select read_line($1, null, null)', [offerId]);

    const before = await ledger.readLine(offerId, null);
    const known = { version: before?.state.version ?? 0, lastSeq: before?.state.lastSeq ?? 0 };
    const far = { version: known.version - LEAVERS + 1, lastSeq: known.lastSeq };
    await this.stage.join(offerId, 500);
    await ledger.cancel(ids[1] ?? '', actor);
    await rounds('readDifference', 'read the difference: 500 came, 1 left', () =>
      Promise.resolve(() => ledger.readLine(offerId, known)),
    );
    await rounds('readFarDifference', `read the difference: ${LEAVERS} left one by one`, () =>
      Promise.resolve(() => ledger.readLine(offerId, far)),
    );
    await this.plans('read the difference', 'select read_line($1, $2, $3)', [
      offerId,
      known.version,
      known.lastSeq,
    ]);
    await this.lookups(offerId, ids);
  }

  /** What a poll costs: the row, and the place by the view in memory. */
  private async lookups(offerId: string, ids: readonly string[]): Promise<void> {
    const { ledger } = this.stage;
    await rounds('readBooking', 'read one booking', () =>
      Promise.resolve(() => ledger.booking(ids[ids.length - 2] ?? '')),
    );
    await this.plans('read one booking', 'select read_booking($1)', [ids[ids.length - 2]]);
    const views = new LineViews(ledger);
    await views.position(offerId, 50_000, 0, null);
    const many = 10_000;
    const ms = await timed(async () => {
      for (let asked = 0; asked < many; asked += 1) {
        await views.position(offerId, 2 + ((asked * 7919) % (ids.length - 2)), 0, null);
      }
    });
    views.close();
    record('lookup', 'look up one position in the view', [ms / many]);
  }

  private async sellOut(): Promise<void> {
    const [decided, written, longest]: [number[], number[], number[]] = [[], [], []];
    for (let round = 0; round < Math.min(ROUNDS, 3); round += 1) {
      const offerId = await this.soldBut(1, 1);
      decided.push(await timed(await this.stage.sale(offerId)));
      const chunks = await this.write(offerId);
      written.push(chunks.reduce((sum, ms) => sum + ms, 0));
      longest.push(Math.max(...chunks));
    }
    record('sellOutDecision', `sell out ${WAITING}: until the decision holds for everybody`, decided);
    record('sellOutRows', `sell out ${WAITING}: until every row is written`, written);
    record('sellOutChunk', `sell out ${WAITING}: longest that the line was locked by a chunk`, longest);
    if (!this.printPlans) return;
    const offerId = await this.soldBut(1, 1);
    await (
      await this.stage.sale(offerId)
    )();
    await this.plans('write sold-out rows', `select write_sell_out($1, ${CHUNK}, $2)`, [offerId, actor]);
  }

  /** One unit is left, and everybody wants two. */
  private async partSellOut(): Promise<void> {
    const decided: number[] = [];
    for (let round = 0; round < Math.min(ROUNDS, 3); round += 1) {
      const offerId = await this.soldBut(2, 2);
      decided.push(await timed(await this.stage.sale(offerId)));
    }
    record('partSellOutDecision', `sell out ${WAITING} that want 2 of 1 left: until decided`, decided);
  }

  /** A line in which all but the first, who wants and pays one unit, want `quantity`. */
  private async soldBut(capacity: number, quantity: number): Promise<string> {
    const offerId = await this.stage.offer(capacity);
    await this.stage.join(offerId, 1, { method: 'pm_ok' });
    await this.stage.join(offerId, WAITING, { quantity });
    return offerId;
  }

  private async write(offerId: string): Promise<number[]> {
    const chunks: number[] = [];
    for (let done = false; !done;) {
      chunks.push(
        await timed(async () => {
          ({ done } = await this.stage.ledger.writeSellOut(offerId, actor));
        }),
      );
    }
    return chunks;
  }

  private async plans(title: string, call: string, parameters: readonly unknown[]): Promise<void> {
    if (!this.printPlans) return;
    const found = await plansOf(this.database.url, call, parameters);
    process.stderr.write(`\n=== ${title}: ${call}\n${found.join('\n\n')}\n\n`);
  }
}

async function main(): Promise<void> {
  await withOwnDatabase(async ({ url }) => {
    const database = new Database(url, 1);
    try {
      await new LineBench(database, values.plans).run();
    } finally {
      await database.close();
    }
  });
  const report = { waiting: WAITING, rounds: ROUNDS, ...measured.report() };
  process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : `${measured.table()}\n`);
}

await main();
