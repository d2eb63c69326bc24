/** Other services that Fairline calls, by what they are to it. */
export const REMOTE_NAMES = ['ticket', 'booking', 'realtime', 'limiter', 'gateway'] as const;
export type RemoteName = (typeof REMOTE_NAMES)[number];

/** `up`: calls go out. `trying`: one does, to see. `down`: none does for now. */
export type RemoteState = 'up' | 'trying' | 'down';

/** How a call ended. */
export type CallOutcome =
  | 'ok'
  /** It was answered with a no, for what was asked. */
  | 'refused'
  /** Nobody knows whether it arrived. */
  | 'unknown'
  /** It did nothing: nobody was there, or this side was not let in. */
  | 'unsent';

/** The status of a call that this side did not make: nothing was sent. */
export const NOT_CALLED = 'NOT_CALLED';

/** Why a call brought no answer that can be used. */
export class RemoteError extends Error {
  constructor(
    readonly service: RemoteName,
    readonly outcome: Exclude<CallOutcome, 'ok'>,
    /** The name of a status of gRPC, or `NOT_CALLED`. */
    readonly status: string,
    /** The code of a refusal by another Fairline; null: it gave none. */
    readonly code: string | null,
    options?: ErrorOptions,
  ) {
    super(`The remote ${service} service: ${code ?? status}`, options);
    this.name = 'RemoteError';
  }
}

export interface CallOptions {
  /** In ms, repetitions included; absent: as configured. */
  readonly deadlineMs?: number;
  /** In the place of this side's own. */
  readonly token?: string;
  readonly correlationId?: string;
  readonly signal?: AbortSignal;
}

/** Calls the methods of one service. */
export interface Caller {
  readonly state: RemoteState;
  /**
   * One call, within its deadline. It may be sent several times: whoever makes it gives it a key.
   * @throws RemoteError
   */
  call(method: string, request: object, options?: CallOptions): Promise<object>;
}

export type CallListener = (service: RemoteName, outcome: CallOutcome, seconds: number) => void;

/** The services that are configured. Also its own injection token. */
export abstract class Remotes {
  /** Null where it is not configured. */
  abstract caller(name: Exclude<RemoteName, 'gateway'>): Caller | null;
  /** Of each that is configured. */
  abstract states(): ReadonlyMap<RemoteName, RemoteState>;
  /** Tells of each call from now on. */
  abstract watch(listener: CallListener): void;
  /** Idempotent. */
  abstract close(): void;
}

/** None is configured: every part is this system's own, and no client library is loaded. */
export class NoRemotes extends Remotes {
  override caller(): null {
    return null;
  }
  override states(): ReadonlyMap<RemoteName, RemoteState> {
    return new Map();
  }
  override watch(): void {}
  override close(): void {}
}
