import { PermanentFailure } from '../../../src/queue/job-queue.js';
import { type Bench, fulfil, Log, until } from '../bench.js';

class Declined extends Error {
  readonly code = 'CARD_LOST';
}

export function describeDeadLetters(bench: () => Bench): void {
  it('makes a dead letter of a job after its last attempt', async () => {
    const { queue } = await bench().open();
    const log = new Log();
    const dead: unknown[] = [];
    await bench().consume(
      queue,
      log.then(() => Promise.reject(new Declined('of somebody@example.com'))),
      {
        onDead: (job, reason) => {
          dead.push({ id: job.jobId, attempt: job.attempt, reason, deadBefore: log.ids.length });
          return Promise.resolve();
        },
      },
    );
    await queue.publish([fulfil('doomed')]);
    await until('the copy is made', async () => (await queue.counts()).types['booking.fulfil'].dead === 1);
    expect(log.ids).toHaveLength(3);
    expect(dead).toEqual([{ id: 'doomed', attempt: 3, reason: 'CARD_LOST', deadBefore: 3 }]);
    const copies = await queue.deadLetters.list(10);
    expect(copies).toEqual([
      {
        ...log.deliveries[0]?.job,
        attempt: undefined,
        reason: 'CARD_LOST',
        attempts: 3,
        failedAt: expect.stringMatching(/^\d{4}-.*Z$/),
      },
    ]);
    expect(JSON.stringify(copies)).not.toContain('somebody@example.com');
  });

  it('makes a dead letter at once of a permanent failure', async () => {
    const { queue } = await bench().open();
    const log = new Log();
    await bench().consume(
      queue,
      log.then(() => Promise.reject(new PermanentFailure('DECLINED'))),
    );
    await queue.publish([fulfil('declined')]);
    await until('the copy is made', async () => (await queue.counts()).types['booking.fulfil'].dead === 1);
    expect(log.ids).toEqual(['declined']);
    expect(await queue.deadLetters.list(1)).toMatchObject([
      { jobId: 'declined', reason: 'DECLINED', attempts: 1 },
    ]);
  });

  it('delivers a job again whose dead letter could not be recorded', async () => {
    const { queue } = await bench().open();
    let refusals = 2;
    await bench().consume(queue, () => Promise.reject(new PermanentFailure('DECLINED')), {
      onDead: () => (refusals-- > 0 ? Promise.reject(new Error('the ledger is away')) : Promise.resolve()),
    });
    await queue.publish([fulfil('kept')]);
    await until('the copy is made', async () => (await queue.counts()).types['booking.fulfil'].dead === 1);
    expect(refusals).toBe(-1);
  });

  it('delivers a job published again under the id of one that died', async () => {
    const { queue } = await bench().open();
    const log = new Log();
    await bench().consume(
      queue,
      log.then(() => Promise.reject(new PermanentFailure('DECLINED'))),
    );
    for (let round = 1; round <= 2; round += 1) {
      await queue.publish([fulfil('again')]);
      await log.reaches(round);
      await until('it is dead', async () => {
        const { active, dead } = (await queue.counts()).types['booking.fulfil'];
        return active === 0 && dead === 1;
      });
    }
  });

  it('lists the newest dead letters first, of both types, and removes each once', async () => {
    const { queue } = await bench().open();
    const retry = { attempts: 1, backoffMs: 1, maxBackoffMs: 1 };
    await bench().consume(queue, () => Promise.reject(new Error('no')), { retry });
    const admit = await queue.consume('booking.admit', () => Promise.reject(new Error('no')), {
      concurrency: 1,
      retry,
      deadlineMs: 1000,
      onDead: () => Promise.resolve(),
    });
    const deaths = async (): Promise<number> => (await queue.deadLetters.list(10)).length;
    await queue.publish([fulfil('first')]);
    await until('the first is dead', async () => (await deaths()) === 1);
    await queue.publish([{ jobId: 'second', type: 'booking.admit', data: { offerId: 'offer' } }]);
    await until('the second is dead', async () => (await deaths()) === 2);
    await queue.publish([fulfil('third')]);
    await until('the third is dead', async () => (await deaths()) === 3);
    expect((await queue.deadLetters.list(2)).map((job) => job.jobId)).toEqual(['third', 'second']);
    expect(await queue.deadLetters.list(0)).toEqual([]);
    expect(await queue.deadLetters.remove('second')).toBe(true);
    expect(await queue.deadLetters.remove('second')).toBe(false);
    expect((await queue.deadLetters.list(10)).map((job) => job.jobId)).toEqual(['third', 'first']);
    await admit.stop(1000);
  });
}
