import { documentOf, ended, rehearse } from '../support/rehearsal.js';

const CROWD =
  '--clients 150 --stock 20 --no-show 0.2 --decline 0.1 --leave 0.1 --duplicate 0.1 --sockets 0.3 --hold-seconds 2 --seed 5';
const ALL = { F1: true, F2: true, F3: true, F4: true, F5: true, F6: true, F7: true, F8: true };

describe('npm run rehearse', () => {
  it('sells every ticket once to a crowd of all kinds, and prints one document', async () => {
    const result = await rehearse(`${CROWD} --json`);
    expect(documentOf(result)).toMatchObject({
      ...{ clients: 150, stock: 20, accepted: 150, rejected: 0, confirmed: 20, unsettled: 0, seed: 5 },
      ...{ violations: [], invariants: ALL, ok: true },
    });
    expect(result.code).toBe(0);
  }, 120_000);

  it('lets stays overlap in a hotel, leaves none that somebody wants, and prints a table for a person', async () => {
    const crowd =
      '--kind hotel --rooms 3 --nights 6 --clients 60 --no-show 0.1 --sockets 0.5 --hold-seconds 1 --seed 3';
    const { code, stdout } = await rehearse(crowd);
    expect(stdout).toMatch(/^confirmed +\d+; \d+ of 18 room nights$/m);
    expect(stdout).toMatch(/^ok +F8 /m);
    expect(stdout).toMatch(/^ok: sold \d+ of 18 room nights$/m);
    expect(code).toBe(0);
  }, 120_000);

  it('removes all that it started on Ctrl-C', async () => {
    const { code, stderr, left } = await ended('SIGINT');
    expect(code).toBe(2);
    expect(stderr).toContain('ended by SIGINT');
    expect(left).toEqual([]);
  }, 60_000);

  it('names every mistake of a command line and exits with 2', async () => {
    const { code, stderr, stdout } = await rehearse('--clients none --sockets 3');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('--clients must be a whole number');
    expect(stderr).toContain('--sockets must be a number from 0 to 1');
  });
});
