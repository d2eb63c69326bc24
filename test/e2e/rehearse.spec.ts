import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { documentOf, kills, PROGRAM, rehearse } from '../support/rehearsal.js';
import { runCommand, type CommandResult } from '../support/run-command.js';

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

  it('prints a table and a verdict for a person', async () => {
    const { code, stdout } = await rehearse(
      '--clients 30 --stock 5 --no-show 0 --prepaid 1 --sockets 0.5 --seed 6',
    );
    expect(stdout).toMatch(/^confirmed +5; 5 of 5 tickets$/m);
    expect(stdout).toMatch(/^ok +F8 /m);
    expect(stdout).toMatch(/^ok: sold 5 of 5 tickets$/m);
    expect(code).toBe(0);
  }, 120_000);

  it('loses nothing when a worker and an api process are killed each second', async () => {
    const result = await rehearse(`${CROWD} --kill-workers --kill-apis --json`);
    const report = documentOf(result);
    expect(report).toMatchObject({ confirmed: 20, unsettled: 0, violations: [], invariants: ALL, ok: true });
    const { workers, apis } = kills(report);
    expect(workers).toBeGreaterThan(0);
    expect(apis).toBeGreaterThan(0);
  }, 180_000);

  it('lets stays overlap in a hotel, and leaves none that somebody wants', async () => {
    const crowd =
      '--kind hotel --rooms 3 --nights 6 --clients 60 --no-show 0.1 --sockets 0.5 --hold-seconds 1 --seed 3';
    const report = documentOf(await rehearse(`${crowd} --json`));
    expect(report).toMatchObject({
      ...{ stock: 18, units: 'room nights', accepted: 60, unsettled: 0 },
      ...{ violations: [], invariants: ALL, ok: true },
    });
  }, 120_000);

  describe('when it is ended in the middle', () => {
    const NOBODY_PAYS = '--clients 50 --stock 5 --no-show 1 --decline 0 --leave 0 --hold-seconds 60'.split(
      ' ',
    );
    let folder: string;
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'fairline-ended-'));
      // The database may run as another user, who must be able to pass through.
      await chmod(folder, 0o755);
    });
    afterEach(() => rm(folder, { recursive: true, force: true }));

    /** Ends it once it plays. */
    const ended = (signal: NodeJS.Signals): Promise<CommandResult> =>
      runCommand(PROGRAM, NOBODY_PAYS, { TMPDIR: folder }, (kill, heard) => {
        void heard('answered 50/50').then(() => kill(signal));
      });

    it('removes all that it started on Ctrl-C', async () => {
      const { code, stderr } = await ended('SIGINT');
      expect(code).toBe(2);
      expect(stderr).toContain('ended by SIGINT');
      expect(await readdir(folder)).toEqual([]);
    }, 60_000);

    it('has all that it started removed after it was killed', async () => {
      await ended('SIGKILL');
      for (let waited = 0; waited < 100 && (await readdir(folder)).length > 0; waited += 1) await sleep(200);
      expect(await readdir(folder)).toEqual([]);
    }, 60_000);
  });

  it('names every mistake of a command line and exits with 2', async () => {
    const { code, stderr, stdout } = await rehearse('--clients none --sockets 3');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('--clients must be a whole number');
    expect(stderr).toContain('--sockets must be a number from 0 to 1');
  });
});
