import { type Bench, fulfil, Log, until } from '../bench.js';

/** Long enough that no child finishes by itself. */
const FOREVER = 50_000;

export function describeCrashes(bench: () => Bench): void {
  // each waits for a lock to run out, so they wait together
  it('survives consumers that are killed or frozen in the middle of a job', async () => {
    await Promise.all([killed(bench()), killedEachTime(bench()), frozen(bench())]);
  });
}

/** Another process completes the job of a consumer that was killed. */
async function killed(bench: Bench): Promise<void> {
  const { queue, name } = await bench.open();
  const child = await bench.child(name, { workMs: FOREVER, concurrency: 1, attempts: 3 });
  await queue.publish([fulfil('orphan')]);
  await child.says('started', 'orphan');
  await child.kill('SIGKILL');
  const log = new Log();
  await bench.consume(queue, log.handle);
  await until('the orphan is delivered again', () => log.deliveries.length === 1);
  expect(log.deliveries[0]?.job).toMatchObject({ jobId: 'orphan', attempt: 2 });
  await until('it is done', async () => (await queue.counts()).types['booking.fulfil'].active === 0);
}

/** A job that has killed as many consumers as it has attempts is dead, and the ledger is told. */
async function killedEachTime(bench: Bench): Promise<void> {
  const { queue, name } = await bench.open();
  const child = await bench.child(name, { workMs: FOREVER, concurrency: 1, attempts: 1 });
  await queue.publish([fulfil('poison')]);
  await child.says('started', 'poison');
  await child.kill('SIGKILL');
  const log = new Log();
  const dead: string[] = [];
  await bench.consume(queue, log.handle, {
    retry: { attempts: 1, backoffMs: 10, maxBackoffMs: 10 },
    onDead: (_job, reason) => Promise.resolve(void dead.push(reason)),
  });
  await until('the poison is dead', async () => (await queue.counts()).types['booking.fulfil'].dead === 1);
  expect({ dead, delivered: log.ids }).toEqual({ dead: ['STALLED'], delivered: [] });
}

/** A consumer that was frozen past its lock finds its signal aborted when it wakes. */
async function frozen(bench: Bench): Promise<void> {
  const { queue, name } = await bench.open();
  const child = await bench.child(name, { workMs: FOREVER, concurrency: 1, attempts: 3 });
  await queue.publish([fulfil('shared')]);
  await child.says('started', 'shared');
  child.process.kill('SIGSTOP');
  const log = new Log();
  await bench.consume(queue, log.handle);
  await until('another process has done it', () => log.deliveries.length === 1);
  child.process.kill('SIGCONT');
  expect(await child.says('aborted', 'shared')).toMatchObject({ reason: 'LOCK_LOST' });
  await until('nothing is left of it', async () => {
    const { waiting, active, delayed, dead } = (await queue.counts()).types['booking.fulfil'];
    return waiting + active + delayed + dead === 0;
  });
}
