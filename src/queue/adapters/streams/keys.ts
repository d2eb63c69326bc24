import { JOB_TYPES, type JobPriority, type JobType } from '../../job-queue.js';

/** The one consumer group, the same on every stream. */
export const GROUP = 'fairline';

/** Streams in the order in which they are served. `again`: what was begun before and could not be finished. */
export const SERVED = ['again', 'high', 'normal', 'low'] as const;

/** Position of a priority in `SERVED`, counted as Lua does. */
export const PRIORITY: Readonly<Record<JobPriority, 2 | 3 | 4>> = { high: 2, normal: 3, low: 4 };

/**
 * What one type of job keeps on Redis. The braces are a hash tag: all keys of a type are in one slot of a cluster,
 * so that one script may touch them.
 */
export interface TypeKeys {
  readonly type: JobType;
  /** In the order of `SERVED`. */
  readonly streams: readonly [string, string, string, string];
  /** Sorted set of delayed and retried jobs, by the time when they are due. */
  readonly delayed: string;
  /** Stream of copies of dead jobs, and which entry is whose (hash). */
  readonly dead: string;
  readonly deadIds: string;
  /** Exists while delivery is paused. */
  readonly paused: string;
  /** Sorted set of what was started lately, where there is a rate limit. */
  readonly rate: string;
  /** Stream of one entry; written to wake consumers that wait for nothing in particular. */
  readonly wake: string;
  /** Sorted set of the consumers that are alive, by when they last said so. */
  readonly workers: string;
  /** Written to find out whether Redis takes a write. */
  readonly probe: string;
  progress(jobId: string): string;
}

export type KeysByType = Readonly<Record<JobType, TypeKeys>>;

const SUFFIX: Readonly<Record<JobType, string>> = { 'booking.admit': 'admit', 'booking.fulfil': 'fulfil' };

function typeKeys(name: string, type: JobType): TypeKeys {
  const key = (suffix: string): string => `{${name}-${SUFFIX[type]}}:${suffix}`;
  return {
    type,
    streams: [key('again'), key('high'), key('normal'), key('low')],
    delayed: key('delayed'),
    dead: key('dead'),
    deadIds: key('dead-ids'),
    paused: key('paused'),
    rate: key('rate'),
    wake: key('wake'),
    workers: key('workers'),
    probe: key('probe'),
    progress: (jobId) => key(`progress:${jobId}`),
  };
}

export const keysOf = (name: string): KeysByType => ({
  'booking.admit': typeKeys(name, 'booking.admit'),
  'booking.fulfil': typeKeys(name, 'booking.fulfil'),
});

export const everyType = (keys: KeysByType): TypeKeys[] => JOB_TYPES.map((type) => keys[type]);

/** @param position in `SERVED`, counted from 1 */
export function streamAt(keys: TypeKeys, position: number): string {
  const stream = keys.streams[position - 1];
  if (stream === undefined) throw new RangeError(`There is no stream ${position}`);
  return stream;
}
