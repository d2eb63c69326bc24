import { parseOptions } from '../../../scripts/rehearse/options.js';
import { rehearse, type Ending } from '../../../scripts/rehearse/rehearsal.js';
import { render } from '../../../scripts/rehearse/report.js';
import type { Stage } from '../../../scripts/rehearse/stage.js';
import { PretendServer, type Fault } from './pretend-server.js';

const CROWD =
  '--clients 60 --stock 10 --no-show 0.2 --decline 0.1 --leave 0.1 --duplicate 0.2 --sockets 0 --hold-seconds 1 --timeout 15';

/** Judges a server that does `fault`, and otherwise right. */
async function judge(fault: Fault | null): Promise<Ending> {
  const server = new PretendServer(fault);
  await server.start();
  const stage: Stage = {
    origins: [server.origin],
    token: 'operator',
    databaseUrl: null,
    folder: null,
    startKilling: () => undefined,
    stopKilling: () => Promise.resolve(),
    losses: () => ({ workers: 0, apis: 0, brokers: 0, crashes: [] }),
    close: () => Promise.resolve(),
  };
  try {
    return await rehearse(
      parseOptions(CROWD.split(' '), 11),
      stage,
      { write: () => true },
      new AbortController().signal,
    );
  } finally {
    await server.stop();
  }
}

/** Each way of breaking one's word, and the verdict that must see it. */
const FAULTS: readonly (readonly [Fault, string])[] = [
  ['numbers run backwards', 'A2'],
  ['positions rise', 'A4'],
  ['duplicates get another answer', 'A4'],
  ['a settled booking changes', 'F8'],
  ['versions are ignored', 'A4'],
  ['tickets are held back', 'sold'],
  ['an internal error', 'answers'],
  ['an invariant is broken', 'F1'],
  ['somebody is left waiting', 'settled'],
];

describe('the judge of a rehearsal', () => {
  const endings = new Map<Fault | null, Ending>();
  // Mostly waiting for holds to run out: all of them at once take no longer than one.
  beforeAll(async () => {
    await Promise.all(
      [null, ...FAULTS.map(([fault]) => fault)].map(async (fault) => endings.set(fault, await judge(fault))),
    );
  }, 60_000);
  const endingOf = (fault: Fault | null): Ending => {
    const ending = endings.get(fault);
    if (ending === undefined) throw new Error('it was not played');
    return ending;
  };

  it('finds nothing wrong with a server that keeps its word, and counts everybody', () => {
    const { report, verdicts } = endingOf(null);
    expect(report.violations).toEqual([]);
    expect(report).toMatchObject({
      clients: 60,
      stock: 10,
      accepted: 60,
      rejected: 0,
      confirmed: 10,
      ok: true,
    });
    expect(report.confirmed + report.expired + report.cancelled + report.soldOut).toBe(60);
    expect(Object.keys(report.invariants)).toEqual(['F1', 'F2', 'F3', 'F4', 'F5', 'F6', 'F7', 'F8']);
    expect(render(report, verdicts)).toContain('ok: sold 10 of 10');
  });

  it.each(FAULTS)('sees that %s', (fault, name) => {
    const { report, verdicts } = endingOf(fault);
    expect(verdicts.filter(({ ok }) => !ok).map((broken) => broken.name)).toContain(name);
    expect(report.ok).toBe(false);
  });

  it('says who is stuck, and where', () => {
    expect(endingOf('somebody is left waiting').report.violations.join()).toMatch(
      /settled: customer-\d+ .* is stuck: waiting at 0 %, position 1/,
    );
  });
});
