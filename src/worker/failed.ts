/** What a failure was about, for its line in the log: opaque ids alone. */
export interface FailureAbout {
  /** Of the request that began it all. */
  readonly correlationId?: string;
  readonly bookingId?: string;
  readonly jobId?: string;
  readonly attempt?: number;
}

/** Told of work that failed and will be done again. */
export type Failed = (error: unknown, about?: FailureAbout) => void;
