import type { QueueCapabilities } from '../../src/queue/job-queue.js';
import type { QueueSettings } from '../../src/queue/queue.module.js';

/** A real broker that runs, and how to reach it. */
export interface RunningBroker {
  readonly settings: Omit<QueueSettings, 'name'>;
  /** The progress that the broker keeps of a job of type `booking.fulfil`; null where there is none. */
  progressOf(queueName: string, jobId: string): Promise<number | null>;
  /** Removes what the tests left, stops what they started. */
  stop(): Promise<void>;
}

export interface OwnBroker extends RunningBroker {
  /** Stops the server as an operator would. */
  halt(): Promise<void>;
  /** Starts it again with its data, at the same address. */
  resume(): Promise<void>;
}

export interface Target {
  readonly capabilities: QueueCapabilities;
  start(): Promise<RunningBroker>;
  /** A server of the test's own, which may be restarted; or why there is none. */
  readonly startOwn: (() => Promise<OwnBroker>) | { readonly unavailable: string };
  /**
   * Takes away everything that the broker holds under this name of a queue, while it is in use, as a flush, a crash
   * without persistence or a deleted topic does; or where that is tested instead.
   */
  readonly wipe:
    ((broker: RunningBroker, queueName: string) => Promise<void>) | { readonly elsewhere: string };
}
