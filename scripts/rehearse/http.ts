import { Pool, type Dispatcher } from 'undici';
import { jittered, type Random } from './random.js';
import type { Scheduler } from './scheduler.js';

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** With its leading slash. */
  readonly path: string;
  readonly body?: unknown;
  readonly token?: string;
  readonly idempotencyKey?: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: unknown;
  /** In ms; null where the server names none. */
  readonly retryAfterMs: number | null;
  /** When the request was first written to a socket, by `performance.now()`. */
  readonly sentAt: number;
  /** When the whole answer was there. */
  readonly answeredAt: number;
}

/** The crowd went home: no request is sent or repeated any more. */
export class CrowdClosed extends Error {
  constructor() {
    super('the rehearsal is over');
    this.name = 'CrowdClosed';
  }
}

/** Time for one answer; a client that hears nothing for so long asks again. */
const ANSWER_MS = 30_000;
/** A server takes so many new connections at once; where there are more clients, some share one. */
const MOST_CONNECTIONS = 2000;

/** All clients' connections to all api processes, and the habits of a client that is turned away. */
export class Http {
  private readonly pools: readonly Pool[];
  private readonly running = new Set<(error: Error) => void>();
  private next = 0;
  private closed = false;
  /** Answers received, whatever they were. */
  answers = 0;
  /** Requests sent again, by cause. */
  readonly repeats = { refused: 0, broken: 0 };

  constructor(
    origins: readonly string[],
    clients: number,
    private readonly scheduler: Scheduler,
    private readonly random: Random,
  ) {
    const connections = Math.ceil(Math.min(clients, MOST_CONNECTIONS) / origins.length);
    // Those who share a connection do not wait for each other's answers.
    const pipelining = Math.ceil(clients / (connections * origins.length));
    const limits = { headersTimeout: ANSWER_MS, bodyTimeout: ANSWER_MS, connect: { timeout: ANSWER_MS } };
    this.pools = origins.map((origin) => new Pool(origin, { connections, pipelining, ...limits }));
  }

  /**
   * Asks until there is an answer other than "come back later": `503` by its `Retry-After`, a refused or broken
   * connection with the same key at the next process. The first attempt is handed over before this returns.
   * @throws CrowdClosed once closed
   */
  async ask(request: HttpRequest): Promise<HttpAnswer> {
    let sentAt: number | null = null;
    let certain = true;
    for (let attempt = 0; ; attempt += 1) {
      if (this.closed) throw new CrowdClosed();
      try {
        const answer = await this.once(request, sentAt);
        if (answer.status !== 503 && answer.status !== 429) return answer;
        // A refusal accepts nothing: the next attempt counts as the first, unless a lost one may have been accepted.
        sentAt = certain ? null : answer.sentAt;
        this.repeats.refused += 1;
        await this.wait((answer.retryAfterMs ?? backoffMs(attempt)) * (1 + this.random() / 2));
      } catch (error) {
        if (error instanceof CrowdClosed) throw error;
        if (error instanceof Attempted && error.sentAt !== null) {
          sentAt = error.sentAt;
          certain = false;
        }
        this.repeats.broken += 1;
        await this.wait(jittered(backoffMs(attempt), this.random));
      }
    }
  }

  /** Ends every connection; what still runs is broken off. Idempotent. */
  async close(): Promise<void> {
    this.closed = true;
    for (const fail of this.running) fail(new CrowdClosed());
    await Promise.all(this.pools.map((pool) => pool.destroy()));
  }

  private wait(ms: number): Promise<void> {
    if (this.closed) return Promise.reject(new CrowdClosed());
    return new Promise((resolve, reject) => {
      const cancel = this.scheduler.after(ms, () => {
        this.running.delete(fail);
        resolve();
      });
      const fail = (error: Error): void => {
        cancel();
        reject(error);
      };
      this.running.add(fail);
    });
  }

  /** @throws Attempted where the connection broke */
  private once(request: HttpRequest, firstSentAt: number | null): Promise<HttpAnswer> {
    const pool = this.pools[this.next++ % this.pools.length];
    if (pool === undefined) throw new Error('there is no server to ask');
    return new Promise((resolve, reject) => {
      pool.dispatch(
        options(request),
        new Exchange(
          firstSentAt,
          (answer) => {
            this.answers += 1;
            resolve(answer);
          },
          reject,
        ),
      );
    });
  }
}

/** 100 ms, doubling, at most 2 s. */
const backoffMs = (attempt: number): number => Math.min(2000, 100 * 2 ** Math.min(attempt, 10));

function options(request: HttpRequest): Dispatcher.DispatchOptions {
  const headers: Record<string, string> = {};
  if (request.body !== undefined) headers['content-type'] = 'application/json';
  if (request.token !== undefined) headers['authorization'] = `Bearer ${request.token}`;
  if (request.idempotencyKey !== undefined) headers['idempotency-key'] = request.idempotencyKey;
  return {
    method: request.method,
    path: request.path,
    headers,
    body: request.body === undefined ? null : JSON.stringify(request.body),
    // Every POST carries a key, so that any of them may be repeated, and share a pipeline.
    idempotent: true,
    blocking: false,
  };
}

/** The connection broke before the answer was whole: it is not known whether the server acted. */
class Attempted extends Error {
  constructor(
    readonly sentAt: number | null,
    cause: Error,
  ) {
    super(cause.message, { cause });
    this.name = 'Attempted';
  }
}

/** One request and its answer, without the price of a stream. */
class Exchange implements Dispatcher.DispatchHandler {
  private status = 0;
  private retryAfterMs: number | null = null;
  private readonly chunks: Buffer[] = [];

  constructor(
    private sentAt: number | null,
    private readonly resolve: (answer: HttpAnswer) => void,
    private readonly reject: (error: Attempted) => void,
  ) {}

  /** Called before the first byte is written, and again where a broken pipeline is sent anew. */
  onRequestStart(): void {
    this.sentAt ??= performance.now();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    this.status = status;
    const seconds = Number(headers['retry-after'] ?? Number.NaN);
    this.retryAfterMs = Number.isFinite(seconds) ? seconds * 1000 : null;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.chunks.push(chunk);
  }

  onResponseEnd(): void {
    const answeredAt = performance.now();
    const body = parsed(Buffer.concat(this.chunks).toString('utf8'));
    const { status, retryAfterMs, sentAt } = this;
    this.resolve({ status, body, retryAfterMs, sentAt: sentAt ?? answeredAt, answeredAt });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.reject(new Attempted(this.sentAt, error));
  }
}

function parsed(body: string): unknown {
  try {
    const value: unknown = JSON.parse(body);
    return value;
  } catch {
    return body;
  }
}
