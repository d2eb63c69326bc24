import { Inject, Injectable, Logger, Optional, ServiceUnavailableException } from '@nestjs/common';
import {
  HealthCheckService,
  HealthIndicatorService,
  type HealthCheckResult,
  type HealthIndicatorResult,
} from '@nestjs/terminus';
import { StuckWatch, WorkerActivity } from './worker-activity.js';
import { Config } from '../config/config.js';
import { BROKER_ERRORS, BrokerError } from '../queue/broker-error.js';
import { Remotes, type RemoteName, type RemoteState } from '../remote/remotes.js';

/** The parts that must answer for this process to be of use. A port: whoever builds the role names them. */
export abstract class HealthParts {
  /** By name (`database`, `broker`, `realtime`); a check rejects when its part does not answer. */
  abstract readonly checks: Readonly<Record<string, (signal: AbortSignal) => Promise<void>>>;
}

export interface HealthReport {
  readonly status: 200 | 503;
  readonly body: HealthCheckResult;
}

/** A part that says nothing for so long is down. */
const PART_TIMEOUT_MS = 1000;
/** Probes of many balancers share one look. */
const CACHE_MS = 500;

/** Whether the process lives, and whether it can do its work: the same on every port that serves it. */
@Injectable()
export class Health {
  private readonly logger = new Logger('health');
  private readonly down = new Set<string>();
  private readonly watch: StuckWatch;

  constructor(
    private readonly terminus: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly parts: HealthParts,
    config: Config,
    @Optional() @Inject(WorkerActivity) private readonly worker: WorkerActivity | undefined,
    private readonly remotes: Remotes,
  ) {
    this.watch = new StuckWatch(config.worker.jobDeadlineMs);
  }

  /** Answering is living: nothing else is asked, so that no outage of a part makes anybody restart this. */
  live(): HealthReport {
    return { status: 200, body: { status: 'ok', info: {}, error: {}, details: {} } };
  }

  /** Asks every part at once, each for a second at most; 503 names the ones that are missing. */
  async ready(): Promise<HealthReport> {
    const checks = Object.entries(this.parts.checks).map(
      ([name, check]) =>
        () =>
          this.part(name, check),
    );
    try {
      const body = await this.terminus.check([
        ...checks,
        ...(this.worker === undefined ? [] : [() => this.workerPart()]),
        ...[...this.remotes.states()].map(
          ([name, state]) =>
            () =>
              this.remotePart(name, state),
        ),
      ]);
      return { status: 200, body };
    } catch (error) {
      if (!(error instanceof ServiceUnavailableException)) throw error;
      const body: unknown = error.getResponse();
      if (!isResult(body)) throw error;
      return { status: 503, body };
    }
  }

  private part(
    name: string,
    check: (signal: AbortSignal) => Promise<void>,
  ): PromiseLike<HealthIndicatorResult> {
    return this.indicators
      .check(name)
      .attempt(async ({ signal }) => {
        try {
          await check(signal);
          this.down.delete(name);
        } catch (error) {
          this.note(name, error);
          throw new Error(told(error), { cause: error });
        }
      })
      .withTimeout(PART_TIMEOUT_MS)
      .cacheFor(CACHE_MS);
  }

  private workerPart(): HealthIndicatorResult {
    const session = this.indicators.check('worker');
    if (this.worker === undefined) return session.up();
    const status = this.worker.status();
    const facts = { running: status.running, lastProgressAt: status.lastProgressAt?.toISOString() ?? null };
    if (this.watch.isStuck(status, Date.now())) {
      return session.down({ ...facts, message: 'there is work, and it does not advance' });
    }
    return session.up({ ...facts, idle: status.running === 0 && !status.backlog });
  }

  /** Shown, and never missed: whatever another service does, bookings go on. */
  private remotePart(name: RemoteName, state: RemoteState): HealthIndicatorResult {
    return this.indicators.check(`remote-${name}`).up({ needed: false, reached: state === 'up' });
  }

  private note(name: string, error: unknown): void {
    if (this.down.has(name)) return;
    this.down.add(name);
    this.logger.warn({ message: `${name} does not answer`, err: error });
  }
}

/** Errors of drivers name hosts and users: those are for the log. A broker's code says what to look at, and no more. */
const told = (error: unknown): string =>
  error instanceof BrokerError ? `${error.code}: ${BROKER_ERRORS[error.code]}` : 'does not answer';

const isResult = (body: unknown): body is HealthCheckResult =>
  typeof body === 'object' && body !== null && 'status' in body && 'details' in body;
