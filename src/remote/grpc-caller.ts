import {
  Client,
  type ClientOptions,
  connectivityState,
  type MethodDefinition,
  Metadata,
} from '@grpc/grpc-js';
import CircuitBreaker from 'opossum';
import { CORRELATION_HEADER } from '../common/correlation.js';
import type { HostPort } from '../config/redis.js';
import type { RemoteSettings } from '../config/remote.js';
import { channelCredentials, type TokenSource } from './access.js';
import { remoteError } from './failure.js';
import {
  type CallListener,
  type CallOptions,
  type Caller,
  NOT_CALLED,
  RemoteError,
  type RemoteName,
  type RemoteState,
} from './remotes.js';

/** The methods of a service, by name. */
export type Methods = Readonly<Record<string, MethodDefinition<object, object>>>;

export interface CallerOptions {
  readonly name: RemoteName;
  readonly at: HostPort;
  readonly methods: Methods;
  readonly deadlineMs: number;
  readonly tls: RemoteSettings['tls'];
  readonly token: TokenSource;
  /** Sends again by itself what may have had bad luck, within the call's deadline. */
  readonly retries: boolean;
}

/** Hears once that a service is called no more, and why, and once that it is again. */
export type CallerLog = (service: RemoteName, state: 'up' | 'down', why: unknown) => void;

/** Of the calls in ten seconds so many have to fail, and half of them, before none goes out any more. */
const FAILURES_TO_OPEN = 5;
const WINDOW_MS = 10_000;
/** After that one call goes out to see; jitter, so that not all workers do at once. */
const lookAgainMs = (): number => 1000 + Math.random() * 1000;

/** Of a call: within its deadline, a little later each time, and only while one in ten calls fails at most. */
const RETRIES = {
  methodConfig: [
    {
      name: [{}],
      retryPolicy: {
        maxAttempts: 4,
        initialBackoff: '0.05s',
        maxBackoff: '1s',
        backoffMultiplier: 3,
        retryableStatusCodes: ['UNAVAILABLE'],
      },
    },
  ],
  retryThrottling: { maxTokens: 10, tokenRatio: 0.1 },
};
const MAX_ANSWER_BYTES = 1024 * 1024;
/** Does nothing, whoever is there, and whether it is known there or not. */
const LOOK = '/grpc.health.v1.Health/Check';

type Sent = [method: MethodDefinition<object, object>, request: object, options: CallOptions];

/**
 * Calls one service over one channel: each call with a deadline, repeated by the library under a budget, and none at
 * all while the service is down. Recovery begins with a new connection and the certificates that the files have then.
 */
export class GrpcCaller implements Caller {
  private client: Client;
  private closed = false;
  private isTold = false;
  private lastFailure: unknown = null;
  private readonly breaker: CircuitBreaker<Sent, object>;

  /** @throws Error where the certificates cannot be read */
  constructor(
    private readonly options: CallerOptions,
    private readonly listener: CallListener,
    private readonly log: CallerLog,
  ) {
    this.client = this.connect();
    this.breaker = new CircuitBreaker<Sent, object>((...sent) => this.send(...sent), {
      timeout: false,
      errorThresholdPercentage: 50,
      volumeThreshold: FAILURES_TO_OPEN,
      rollingCountTimeout: WINDOW_MS,
      resetTimeout: lookAgainMs(),
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      errorFilter: (error: unknown) => error instanceof RemoteError && error.outcome === 'refused',
    });
    this.breaker.on('halfOpen', () => this.reconnect());
    this.breaker.on('failure', (error) => (this.lastFailure = error));
    this.breaker.on('open', () => this.tell('down'));
    this.breaker.on('close', () => this.tell('up'));
  }

  get state(): RemoteState {
    if (this.breaker.opened) return 'down';
    return this.breaker.halfOpen ? 'trying' : 'up';
  }

  async call(method: string, request: object, options: CallOptions = {}): Promise<object> {
    const definition = this.options.methods[method];
    if (definition === undefined) throw new TypeError(`There is no method ${method}`);
    const begun = performance.now();
    try {
      const answer = await this.breaker.fire(definition, request, options);
      this.listener(this.options.name, 'ok', (performance.now() - begun) / 1000);
      return answer;
    } catch (error) {
      const told = this.told(error);
      this.listener(this.options.name, told.outcome, (performance.now() - begun) / 1000);
      throw told;
    }
  }

  /** Idempotent. */
  close(): void {
    this.closed = true;
    this.breaker.shutdown();
    this.client.close();
  }

  private async send(
    definition: MethodDefinition<object, object>,
    request: object,
    { deadlineMs = this.options.deadlineMs, token, correlationId, signal }: CallOptions,
  ): Promise<object> {
    const deadline = Date.now() + deadlineMs;
    const metadata = new Metadata();
    const bearer = token ?? (await this.options.token.current());
    if (bearer !== null) metadata.set('authorization', `Bearer ${bearer}`);
    if (correlationId !== undefined) metadata.set(CORRELATION_HEADER, correlationId);
    const { path, requestSerialize, responseDeserialize } = definition;
    const { client } = this;
    const { name, retries } = this.options;
    if (retries) await this.connected(client, deadline);
    return await new Promise((done, failed) => {
      const call = client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        { deadline },
        (error, answer) => {
          signal?.removeEventListener('abort', cancel);
          if (error !== null) failed(remoteError(name, error, retries));
          else done(answer ?? {});
        },
      );
      const cancel = (): void => call.cancel();
      if (signal?.aborted === true) cancel();
      else signal?.addEventListener('abort', cancel, { once: true });
    });
  }

  /**
   * Where the library repeats a call, its last failure does not say whether an attempt before was sent. So nothing is
   * sent before there is a connection, and who finds none knows that.
   *
   * @throws Error why there is none
   */
  private async connected(client: Client, deadline: number): Promise<void> {
    const isThere = (): boolean => client.getChannel().getConnectivityState(true) === connectivityState.READY;
    if (isThere()) return;
    const empty = (): Buffer => Buffer.alloc(0);
    const failure = await new Promise<Error | null>((done) => {
      client.makeUnaryRequest(LOOK, empty, empty, {}, { deadline }, (error) => done(error));
    });
    if (!isThere()) throw failure ?? new Error('The connection has ended');
  }

  private told(error: unknown): RemoteError {
    if (error instanceof RemoteError) return error;
    // the circuit breaker's own, no connection, or a token that cannot be read: nothing was sent
    return new RemoteError(this.options.name, 'unsent', NOT_CALLED, null, { cause: error });
  }

  private connect(): Client {
    const { at, tls, retries } = this.options;
    const serverName = tls?.serverName ?? null;
    const options: ClientOptions = {
      // its own connections: a new client is a new beginning
      'grpc.use_local_subchannel_pool': 1,
      'grpc.service_config_disable_resolution': 1,
      'grpc.initial_reconnect_backoff_ms': 200,
      'grpc.max_reconnect_backoff_ms': 2000,
      'grpc.max_receive_message_length': MAX_ANSWER_BYTES,
      'grpc.enable_retries': retries ? 1 : 0,
      ...(retries ? { 'grpc.service_config': JSON.stringify(RETRIES) } : {}),
      ...(serverName === null ? {} : { 'grpc.ssl_target_name_override': serverName }),
    };
    const host = at.host.includes(':') ? `[${at.host}]` : at.host;
    return new Client(`${host}:${at.port}`, channelCredentials(tls), options);
  }

  /** A connection that says nothing, an address that has moved, a certificate that has ended: all begin anew. */
  private reconnect(): void {
    if (this.closed) return;
    try {
      const fresh = this.connect();
      this.client.close();
      this.client = fresh;
    } catch (error) {
      this.lastFailure = error;
    }
  }

  /** Once for each time that it goes, however often it is found away. */
  private tell(state: 'up' | 'down'): void {
    if (this.closed || this.isTold === (state === 'down')) return;
    this.isTold = state === 'down';
    this.log(this.options.name, state, state === 'down' ? this.lastFailure : null);
  }
}
