import { parseOptions } from '../../../scripts/rehearse/options.js';
import { rehearse, type Ending } from '../../../scripts/rehearse/rehearsal.js';
import { render } from '../../../scripts/rehearse/report.js';
import type { Stage } from '../../../scripts/rehearse/stage.js';
import { PretendServer, type Fault } from './pretend-server.js';

const CROWD =
  '--clients 60 --stock 10 --no-show 0.2 --decline 0.1 --leave 0.1 --duplicate 0.2 --sockets 0 --hold-seconds 1 --timeout 6';

/** Judges a server that does `fault`, and otherwise right. */
async function judge(fault: Fault | null, line = CROWD): Promise<Ending> {
  const server = new PretendServer(fault);
  await server.start();
  const stage: Stage = {
    origins: [server.origin],
    token: 'operator',
    databaseUrl: null,
    folder: null,
    startKilling: () => undefined,
    stopKilling: () => Promise.resolve(),
    losses: () => ({ workers: 0, apis: 0, crashes: [] }),
    close: () => Promise.resolve(),
  };
  try {
    return await rehearse(
      parseOptions(line.split(' '), 11),
      stage,
      { write: () => true },
      new AbortController().signal,
    );
  } finally {
    await server.stop();
  }
}

/** The names of the verdicts that are broken. */
const broken = ({ verdicts }: Ending): string[] => verdicts.filter(({ ok }) => !ok).map(({ name }) => name);

describe('the judge of a rehearsal', () => {
  it('finds nothing wrong with a server that keeps its promises, and counts everybody', async () => {
    const ending = await judge(null);
    expect(ending.report.violations).toEqual([]);
    expect(ending.report).toMatchObject({
      clients: 60,
      stock: 10,
      accepted: 60,
      rejected: 0,
      confirmed: 10,
      ok: true,
    });
    const { confirmed, expired, cancelled, soldOut } = ending.report;
    expect(confirmed + expired + cancelled + soldOut).toBe(60);
    expect(Object.keys(ending.report.invariants)).toEqual(['F1', 'F2', 'F3', 'F4', 'F5', 'F6', 'F7', 'F8']);
    expect(render(ending.report, ending.verdicts)).toContain('ok: sold 10 of 10');
  }, 30_000);

  it('sees each of the ways in which a server can break its word', async () => {
    const faults: [Fault, string][] = [
      ['numbers run backwards', 'A2'],
      ['positions rise', 'A4'],
      ['duplicates get another answer', 'A4'],
      ['a settled booking changes', 'F8'],
      ['versions are ignored', 'A4'],
      ['tickets are held back', 'sold'],
      ['an internal error', 'answers'],
      ['an invariant is broken', 'F1'],
    ];
    const endings = await Promise.all(faults.map(([fault]) => judge(fault)));
    expect(endings.map(({ report }) => report.ok)).toEqual(faults.map(() => false));
    for (const [index, [fault, name]] of faults.entries()) {
      expect({ fault, broken: endings.map(broken)[index] }).toEqual({
        fault,
        broken: expect.arrayContaining([name]),
      });
    }
  }, 30_000);

  it('says who is stuck where somebody is left waiting until the deadline', async () => {
    const ending = await judge('somebody is left waiting');
    expect(broken(ending)).toContain('settled');
    expect(ending.report.violations.join()).toMatch(
      /settled: customer-\d+ .* is stuck: waiting at 0 %, position 1/,
    );
  }, 30_000);
});
