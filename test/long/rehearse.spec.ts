import { documentOf, ended, kills, rehearse } from '../support/rehearsal.js';

const CROWD =
  '--clients 150 --stock 20 --no-show 0.2 --decline 0.1 --leave 0.1 --duplicate 0.1 --sockets 0.3 --hold-seconds 2 --seed 5';

const ALL = { F1: true, F2: true, F3: true, F4: true, F5: true, F6: true, F7: true, F8: true };

describe('A rehearsal whose processes are killed', () => {
  it('loses nothing when a worker and an api process are killed each second', async () => {
    const result = await rehearse(`${CROWD} --kill-workers --kill-apis --json`);
    const report = documentOf(result);
    expect(report).toMatchObject({ confirmed: 20, unsettled: 0, violations: [], invariants: ALL, ok: true });
    const { workers, apis } = kills(report);
    expect(workers).toBeGreaterThan(0);
    expect(apis).toBeGreaterThan(0);
  }, 180_000);
});

describe('A rehearsal whose broker is killed in the middle', () => {
  it.each(['bullmq', 'bullmq-redis', 'streams', 'kafka'])(
    'loses nothing on %s',
    async (queue) => {
      const report = documentOf(await rehearse(`${CROWD} --queue ${queue} --kill-broker --json`));
      expect(report).toMatchObject({ confirmed: 20, unsettled: 0, violations: [], ok: true });
      expect(kills(report)).toEqual({ workers: 0, apis: 0, brokers: 1 });
    },
    240_000,
  );
});

describe('A rehearsal that is killed in the middle', () => {
  it('has all that it started removed', async () => {
    expect((await ended('SIGKILL')).left).toEqual([]);
  }, 120_000);
});
