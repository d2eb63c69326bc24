import { parseArgs } from 'node:util';
import { Database } from '../src/database/database.js';
import { actor } from './support/line-stage.js';
import { Measurements, positive, timed } from './support/measurements.js';
import { withOwnDatabase } from './support/own-database.js';
import { plansOf } from './support/plans.js';
import { dateOf, StayStage, type Nights } from './support/stay-stage.js';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    plans: { type: 'boolean', default: false },
    waiting: { type: 'string', default: '20000' },
    nights: { type: 'string', default: '30,365' },
    rounds: { type: 'string', default: '25' },
  },
});
const WAITING = positive('--waiting', values.waiting);
const NIGHTS = values.nights.split(',').map((nights) => positive('--nights', nights));
const ROUNDS = positive('--rounds', values.rounds);
/** Nights of the longer holds that fill a house. */
const LONG = 3;
/** Longest stay of those who wait. */
const LONGEST = 10;
/** Rooms that are held for one night each, and as many for several. */
const HOLDS = 2;
const PLENTY = 100_000;
const ADMIT = 'select admit_bookings($1, 500, $2)';

const measured = new Measurements();

/** The same stays in every run. */
class Dice {
  private state = 20_260_101;

  /** 1 to `sides`. */
  roll(sides: number): number {
    this.state = (Math.imul(this.state, 1_664_525) + 1_013_904_223) >>> 0;
    return 1 + Math.floor((this.state / 2 ** 32) * sides);
  }
}

class StayBench {
  private readonly stage: StayStage;
  private readonly dice = new Dice();

  constructor(
    private readonly database: Database,
    private readonly printPlans: boolean,
  ) {
    this.stage = new StayStage(database);
  }

  async run(): Promise<void> {
    await this.warmUp();
    for (const nights of NIGHTS) {
      const holds = await this.fullHouse(nights);
      await this.admission(holds, nights);
      await this.accept(holds.offerId, nights);
      await this.sellOut(nights);
    }
    await this.peak(Math.max(...NIGHTS));
  }

  /** Plans are made when a sale begins, on empty tables, and kept: so they are here. */
  private async warmUp(): Promise<void> {
    const { ledger } = this.stage;
    const offerId = await this.stage.house(2, () => 1, 2);
    const [first = ''] = await this.stage.join(offerId, [{ first: 1, last: 2 }], { method: 'pm_ok' });
    await this.stage.join(offerId, [{ first: 2, last: 2 }]);
    await this.stage.admitAll(offerId);
    await ledger.recordCharge(first, 2, { kind: 'captured' }, actor);
    await ledger.writeSellOut(offerId, actor);
  }

  /** Every room of every night is held, half of them night by night, and so many more wait as are asked for. */
  private async fullHouse(nights: number): Promise<{ offerId: string; short: string[]; long: string[] }> {
    const offerId = await this.stage.house(nights, () => 2 * HOLDS, LONGEST);
    const tiles = (length: number): Nights[] =>
      Array.from({ length: Math.ceil(nights / length) }, (_, index) => ({
        first: 1 + index * length,
        last: Math.min(nights, (index + 1) * length),
      })).flatMap((tile) => Array.from({ length: HOLDS }, () => tile));
    const short = await this.stage.join(offerId, tiles(1), { method: null });
    const long = await this.stage.join(offerId, tiles(LONG));
    await this.stage.admitAll(offerId);
    await this.stage.join(offerId, this.randomStays(WAITING, nights));
    await this.stage.admitAll(offerId);
    return { offerId, short, long };
  }

  private randomStays(count: number, nights: number): Nights[] {
    return Array.from({ length: count }, () => {
      const first = this.dice.roll(nights);
      return { first, last: Math.min(nights, first + this.dice.roll(LONGEST) - 1) };
    });
  }

  private async admission(
    { offerId, short, long }: { offerId: string; short: string[]; long: string[] },
    nights: number,
  ): Promise<void> {
    const { ledger } = this.stage;
    const among = `${WAITING} waiting for ${nights} nights`;
    const admit = () => ledger.admit(offerId, actor);
    const released = (holds: string[], count: number) => async () => {
      for (let n = 0; n < count; n += 1) await ledger.cancel(take(holds, this.dice), actor);
      return admit;
    };
    const rounds = Math.min(ROUNDS, short.length - 1);
    await this.rounds(`admitNight${nights}`, `admit 1 released night, ${among}`, released(short, 1), rounds);
    await this.raise(offerId, 1);
    await this.plans(`admit 1 released night, ${among}`, ADMIT, [offerId, actor]);
    await this.rounds(
      `admitNights${nights}`,
      `admit ${LONG} released nights in a row, ${among}`,
      released(long, 1),
      Math.min(ROUNDS, long.length - 4),
    );
    await this.rounds(
      `admitApart${nights}`,
      `admit 10 nights raised apart, ${among}`,
      async () => {
        for (let n = 0; n < 10; n += 1) await this.raise(offerId, this.dice.roll(nights));
        return admit;
      },
      ROUNDS,
    );
    await this.rounds(
      `admitRaised${nights}`,
      `admit 1 night raised by one room, ${among}`,
      async () => {
        await this.raise(offerId, this.dice.roll(nights));
        return admit;
      },
      ROUNDS,
    );
  }

  /** One room more on a night. */
  private async raise(offerId: string, night: number): Promise<void> {
    const date = dateOf(night);
    const [now] = (await this.stage.ledger.offerNights(offerId, date, date)) ?? [];
    const nights = [{ from: date, to: date, capacity: (now?.capacity ?? 0) + 1 }];
    await this.stage.ledger.changeOffer(offerId, { nights }, actor);
  }

  /** The door, beside a long line: what it costs must not grow with the line. */
  private async accept(offerId: string, nights: number): Promise<void> {
    await this.rounds(
      `accept500Stays${nights}`,
      `accept 500 stays into a line of ${WAITING} for ${nights} nights`,
      () => {
        const stays = this.randomStays(500, nights);
        return Promise.resolve(() => this.stage.join(offerId, stays));
      },
      ROUNDS,
    );
  }

  /** One night is sold for good, and everybody wants it. */
  private async sellOut(nights: number): Promise<void> {
    const { ledger } = this.stage;
    const offerId = await this.stage.house(nights, () => 1, LONGEST);
    const middle = Math.ceil(nights / 2);
    const [first = ''] = await this.stage.join(offerId, [{ first: middle, last: middle }], {
      method: 'pm_ok',
    });
    await this.stage.admitAll(offerId);
    await this.stage.join(offerId, this.staysOver(middle, WAITING, nights));
    const decided = await timed(() => ledger.recordCharge(first, 2, { kind: 'captured' }, actor));
    measured.record(`sellNight${nights}`, `sell a night that ${WAITING} want: until it is marked`, [decided]);
    const chunks: number[] = [];
    for (let done = false; !done;) {
      chunks.push(await timed(async () => ({ done } = await ledger.writeSellOut(offerId, actor))));
    }
    measured.record(`sellOutChunk${nights}`, `sell out 2000 of ${WAITING} stays`, chunks);
    const total = chunks.reduce((sum, ms) => sum + ms, 0);
    measured.record(`sellOutAll${nights}`, `sell out ${WAITING} stays: until every row is written`, [total]);
  }

  /**
   * A fair: all nights but one have rooms, and everybody's stay covers that one. Every kind of stay then comes into
   * question when it is released.
   */
  private async peak(nights: number): Promise<void> {
    const { ledger } = this.stage;
    const middle = Math.ceil(nights / 2);
    const offerId = await this.stage.house(
      nights,
      (night) => (night === middle ? ROUNDS + 1 : PLENTY),
      LONGEST,
    );
    const one = Array.from({ length: ROUNDS + 1 }, () => ({ first: middle, last: middle }));
    const holds = await this.stage.join(offerId, one);
    await this.stage.admitAll(offerId);
    await this.stage.join(offerId, this.staysOver(middle, WAITING, nights));
    await this.stage.admitAll(offerId);
    const what = `admit 1 released night that all of ${WAITING} want, whose other nights are free`;
    const release = async () => ledger.cancel(take(holds, this.dice), actor);
    await this.rounds(
      'admitPeak',
      what,
      async () => {
        await release();
        return () => ledger.admit(offerId, actor);
      },
      ROUNDS,
    );
    await release();
    await this.plans(what, ADMIT, [offerId, actor]);
  }

  /** Stays that all cover one night. */
  private staysOver(night: number, count: number, nights: number): Nights[] {
    return Array.from({ length: count }, () => {
      const first = Math.max(1, night - this.dice.roll(LONGEST) + 1);
      return { first, last: Math.min(nights, night + this.dice.roll(LONGEST - night + first) - 1) };
    });
  }

  private rounds(
    name: string,
    what: string,
    next: () => Promise<() => Promise<unknown>>,
    count: number,
  ): Promise<void> {
    return measured.rounds(name, what, count, next);
  }

  private async plans(title: string, call: string, parameters: readonly unknown[]): Promise<void> {
    if (!this.printPlans) return;
    const found = await plansOf(this.database.url, call, parameters);
    process.stderr.write(`\n=== ${title}: ${call}\n${found.join('\n\n')}\n\n`);
  }
}

/** One of them, which is then no longer there. */
function take(items: string[], dice: Dice): string {
  const [taken] = items.splice(dice.roll(items.length) - 1, 1);
  if (taken === undefined) throw new Error('Nothing is left to release');
  return taken;
}

async function main(): Promise<void> {
  await withOwnDatabase(async ({ url }) => {
    const database = new Database(url, 1);
    try {
      await new StayBench(database, values.plans).run();
    } finally {
      await database.close();
    }
  });
  const report = { waiting: WAITING, rounds: ROUNDS, ...measured.report() };
  process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : `${measured.table()}\n`);
}

await main();
