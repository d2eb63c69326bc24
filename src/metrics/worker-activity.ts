export interface WorkerStatus {
  /** Jobs in hand. */
  readonly running: number;
  /** When a job or a step was last finished, whatever came of it; null before the first. */
  readonly lastProgressAt: Date | null;
  /** There is work for this worker that it could take: the queue is not paused, not drained, not empty. */
  readonly backlog: boolean;
}

/** What a worker says of itself. A port: the worker implements it; processes without a worker have none. */
export abstract class WorkerActivity {
  abstract status(): WorkerStatus;
}

/** With work on the queue and none in hand, a worker that takes nothing for so long is stuck. */
const TAKES_NOTHING_MS = 15_000;
/** After its deadline a job is aborted; it gets so long to say so. */
const GRACE_MS = 15_000;

/**
 * Tells a worker that is stuck from one that is idle, and from one that is busy with a long job. It needs to look
 * again and again, as a probe does: one look cannot tell a backlog from a job that came this instant.
 */
export class StuckWatch {
  private owedSince: number | null = null;

  constructor(private readonly jobDeadlineMs: number) {}

  /** @param now in ms, of the clock that made `lastProgressAt` */
  isStuck({ running, lastProgressAt, backlog }: WorkerStatus, now: number): boolean {
    if (running === 0 && !backlog) {
      this.owedSince = null;
      return false;
    }
    this.owedSince ??= now;
    const quietMs = now - Math.max(this.owedSince, lastProgressAt?.getTime() ?? 0);
    return quietMs > (running === 0 ? TAKES_NOTHING_MS : this.jobDeadlineMs + GRACE_MS);
  }
}
