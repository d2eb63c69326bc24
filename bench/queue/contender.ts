import { v7 } from 'uuid';
import type { NewJob } from '../../src/queue/job-queue.js';

export type FulfilJob = NewJob<'booking.fulfil'>;
export type OnJob = (jobId: string) => Promise<void>;

export interface Consuming {
  /** Resolves when the broker knows of everything that is done. */
  stop(): Promise<void>;
}

/** Whoever carries jobs: the application's adapter, or the client library by itself. */
export interface Contender {
  /** Resolves when the broker holds them. */
  publish(jobs: readonly FulfilJob[]): Promise<void>;
  /** Each job is acknowledged after `onJob` has resolved. */
  consume(onJob: OnJob): Promise<Consuming>;
  /** Jobs that the broker still has, done ones not counted. */
  left(): Promise<number>;
  close(): Promise<void>;
}

/** Jobs in hand at once, and entries of one read where the client asks for a number. */
export const CONCURRENCY = 200;
/** Jobs of one call of `publish`. */
export const BATCH = 500;
export const PARTITIONS = 12;

/** Jobs as an admission publishes them for bookings that have paid beforehand. */
export function fulfilJobs(count: number): FulfilJob[] {
  return Array.from({ length: count }, () => {
    const bookingId = v7();
    return {
      jobId: `fulfil-${bookingId}`,
      type: 'booking.fulfil',
      data: { bookingId, fence: 2, correlationId: v7() },
    };
  });
}

/** The id in a message as it is on a broker. */
export function jobIdOf(text: string): string {
  const message: unknown = JSON.parse(text);
  if (typeof message === 'object' && message !== null && 'jobId' in message) return String(message.jobId);
  throw new Error('A message has no id');
}
