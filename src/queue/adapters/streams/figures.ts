import type { ChannelFigures, JobType, QueueCounts, QueueFigures, TypeCounts } from '../../job-queue.js';
import type { Connection } from './connection.js';
import { type Look, numbers, readLook, type StreamLook } from './entry.js';
import { everyType, GROUP, type KeysByType, SERVED, type TypeKeys } from './keys.js';
import { COUNT, LOOK } from './upkeep-scripts.js';

/** A consumer whose last sign of life is older has none. It gives one every two seconds. */
const ALIVE_MS = 7000;

export async function readCounts(redis: Connection, keys: KeysByType): Promise<QueueCounts> {
  const [admit, fulfil] = await Promise.all([
    countType(redis, keys['booking.admit']),
    countType(redis, keys['booking.fulfil']),
  ]);
  return {
    paused: admit.paused || fulfil.paused,
    types: { 'booking.admit': admit.counts, 'booking.fulfil': fulfil.counts },
  };
}

async function countType(
  redis: Connection,
  { streams, delayed, dead, paused }: TypeKeys,
): Promise<{ paused: boolean; counts: TypeCounts }> {
  const [waiting = 0, active = 0, late = 0, buried = 0, isPaused = 0] = numbers(
    await redis.run(COUNT, [...streams, delayed, dead, paused], [GROUP]),
  );
  return { paused: isPaused > 0, counts: { waiting, active, delayed: late, dead: buried } };
}

export async function readFigures(redis: Connection, keys: KeysByType): Promise<QueueFigures> {
  const [version, ...looks] = await Promise.all([
    versionOf(redis),
    ...everyType(keys).map(async (typeKeys) => ({ keys: typeKeys, look: await lookAt(redis, typeKeys) })),
  ]);
  const workersOf = (type: JobType): number =>
    looks.find((item) => item.keys.type === type)?.look.workers ?? 0;
  return {
    technology: 'streams',
    version,
    channels: looks.flatMap((item) => channelsOf(item.keys, item.look)),
    workers: { 'booking.admit': workersOf('booking.admit'), 'booking.fulfil': workersOf('booking.fulfil') },
  };
}

async function lookAt(redis: Connection, keys: TypeKeys): Promise<Look> {
  const { streams, delayed, dead, workers } = keys;
  return readLook(await redis.run(LOOK, [...streams, delayed, dead, workers], [GROUP, ALIVE_MS]));
}

function channelsOf(keys: TypeKeys, look: Look): ChannelFigures[] {
  const common = { type: keys.type, groups: [], partitions: [] };
  const streams = SERVED.flatMap((_, index): ChannelFigures[] => {
    const [name, stream] = [keys.streams[index], look.streams[index]];
    if (name === undefined || stream === undefined) return [];
    return [{ ...common, name, holds: 'work', depth: stream.length, groups: [groupOf(stream)] }];
  });
  return [
    ...streams,
    { ...common, name: keys.delayed, holds: 'delayed', depth: look.delayed },
    { ...common, name: keys.dead, holds: 'dead', depth: look.dead },
  ];
}

/** What is done is removed from its stream, so what is there and not pending is still to be delivered. */
const groupOf = ({ length, pending, consumers }: StreamLook): ChannelFigures['groups'][number] => ({
  name: GROUP,
  lag: Math.max(0, length - pending),
  pending,
  consumers,
});

/** Null where Redis does not tell. */
async function versionOf(redis: Connection): Promise<string | null> {
  const [call] = redis.servers();
  if (call === undefined) return null;
  const text = await call('INFO', 'server').catch(() => '');
  return /^redis_version:(\S+)/m.exec(String(text))?.[1] ?? null;
}
