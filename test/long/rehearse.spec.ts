import { documentOf, ended, kills, rehearse } from '../support/rehearsal.js';

const CROWD =
  '--clients 150 --stock 20 --no-show 0.2 --decline 0.1 --leave 0.1 --duplicate 0.1 --sockets 0.3 --hold-seconds 2 --seed 5';

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
