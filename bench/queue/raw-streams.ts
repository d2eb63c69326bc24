import { Redis } from 'ioredis';
import { toMessage } from '../../src/queue/message.js';
import { CONCURRENCY, type Contender, jobIdOf, type OnJob } from './contender.js';

const [STREAM, GROUP, CONSUMER] = ['raw-fulfil', 'raw', 'raw-1'];
const BLOCK_MS = 100;

type Entry = readonly [id: string, message: string];

/**
 * ioredis alone: a pipeline of `XADD`; and for each read one pipeline that acknowledges and removes what the last one
 * brought (`XACK`, `XDEL`) and reads the next. At least once, as our adapter; no retry, delay, priority or dead letter.
 */
export async function openRawStreams(url: string): Promise<Contender> {
  const publishing = new Redis(url);
  await publishing.del(STREAM);
  await publishing.xgroup('CREATE', STREAM, GROUP, '0', 'MKSTREAM');
  return {
    publish: async (jobs) => {
      const now = new Date();
      const pipeline = publishing.pipeline();
      for (const job of jobs) pipeline.xadd(STREAM, '*', 'm', JSON.stringify(toMessage(job, now)));
      await pipeline.exec();
    },
    consume: (onJob) => Promise.resolve(consume(new Redis(url), onJob)),
    left: () => publishing.xlen(STREAM),
    close: async () => void (await publishing.quit()),
  };
}

function consume(redis: Redis, onJob: OnJob) {
  let isStopping = false;
  const loop = async (): Promise<void> => {
    let done: string[] = [];
    while (!isStopping || done.length > 0) {
      const entries = await next(redis, done);
      await Promise.all(entries.map(([, message]) => onJob(jobIdOf(message))));
      done = entries.map(([id]) => id);
    }
  };
  const looping = loop();
  return {
    stop: async () => {
      isStopping = true;
      await looping;
      await redis.quit();
    },
  };
}

async function next(redis: Redis, done: readonly string[]): Promise<Entry[]> {
  const pipeline = redis.pipeline();
  if (done.length > 0) pipeline.xack(STREAM, GROUP, ...done).xdel(STREAM, ...done);
  pipeline.xreadgroup(
    ...(['GROUP', GROUP, CONSUMER, 'COUNT', CONCURRENCY, 'BLOCK', BLOCK_MS] as const),
    ...(['STREAMS', STREAM, '>'] as const),
  );
  const [error, reply] = (await pipeline.exec())?.at(-1) ?? [null, null];
  if (error !== null) throw error;
  return entriesOf(reply);
}

/** Of the answer to `XREADGROUP` on one stream: `[[stream, [[id, [field, value]], …]]]`, or null. */
function entriesOf(reply: unknown): Entry[] {
  const [stream] = listOf(reply);
  return listOf(listOf(stream)[1]).map((entry) => {
    const [id, fields] = listOf(entry);
    return [String(id), String(listOf(fields)[1])];
  });
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
