import { Bench } from './bench.js';
import { describeCrashes } from './suite/crashes.js';
import { describeDeadLetters } from './suite/dead-letters.js';
import { describeDelivery } from './suite/delivery.js';
import { describeFigures } from './suite/figures.js';
import { describeLoss } from './suite/loss.js';
import { describeOperation } from './suite/operation.js';
import { describeRestart } from './suite/restart.js';
import { describeRetries } from './suite/retries.js';
import { describeStopping } from './suite/stopping.js';
import type { RunningBroker, Target } from './target.js';

jest.setTimeout(60_000);

/**
 * The contract of `JobQueue`, run against one adapter on its real broker. Where a technology has declared that it
 * cannot do a thing, the suite checks the declared limitation instead.
 */
export function describeJobQueue(name: string, target: Target): void {
  describe(`The job queue on ${name}`, () => {
    let broker: RunningBroker;
    let current: Bench;
    const bench = (): Bench => current;

    beforeAll(async () => {
      broker = await target.start();
    });
    afterAll(async () => {
      await broker.stop();
    });
    beforeEach(() => {
      current = new Bench(broker);
    });
    afterEach(async () => {
      await current.close();
    });

    describeDelivery(bench, target);
    describeRetries(bench);
    describeDeadLetters(bench);
    describeOperation(bench, target);
    describeFigures(bench);
    describeStopping(bench);
    describeCrashes(bench);
    describeLoss(bench, target);
  });

  describe(`The job queue on ${name}, restarted`, () => describeRestart(target));
}
