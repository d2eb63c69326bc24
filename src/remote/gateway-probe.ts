import type { Caller, RemoteState } from './remotes.js';
import { RemoteError } from './remotes.js';

const PROBE_EVERY_MS = 5000;

/** Asks the gateway again and again whether it is there, by gRPC's own health check. Nothing depends on the answer. */
export class GatewayProbe {
  private timer: NodeJS.Timeout | undefined;
  private reached = false;
  private closed = false;

  constructor(
    private readonly caller: Caller,
    private readonly everyMs = PROBE_EVERY_MS,
  ) {}

  get state(): RemoteState {
    return this.reached ? 'up' : this.caller.state === 'down' ? 'down' : 'trying';
  }

  /** The first time at once. */
  start(): void {
    void this.probe();
  }

  /** Idempotent. */
  stop(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  private async probe(): Promise<void> {
    this.reached = await this.isServing();
    if (this.closed) return;
    this.timer = setTimeout(() => void this.probe(), this.everyMs);
    this.timer.unref();
  }

  private async isServing(): Promise<boolean> {
    try {
      const answer = await this.caller.call('Check', { service: '' });
      return 'status' in answer && answer.status === 'SERVING';
    } catch (error) {
      // who has no health check, or does not say how it is without knowing us, is there all the same
      return (
        error instanceof RemoteError &&
        ['UNIMPLEMENTED', 'UNAUTHENTICATED', 'PERMISSION_DENIED', 'NOT_FOUND'].includes(error.status)
      );
    }
  }
}
