import type { ServerUnaryCall } from '@grpc/grpc-js';

/** A call as a handler has it, of any kind. */
export type Call = Pick<
  ServerUnaryCall<unknown, unknown>,
  'cancelled' | 'metadata' | 'getPeer' | 'getAuthContext' | 'getPath' | 'once' | 'off'
>;

/** Thrown where nobody waits any more: what it says goes nowhere. */
export class CallIsOver extends Error {}

/** Aborted when nobody waits for the call any more: its client has gone, or its deadline is over. */
export function signalOf(call: Call): AbortSignal {
  const over = new AbortController();
  const abort = (): void => over.abort(new CallIsOver());
  if (call.cancelled) abort();
  else call.once('cancelled', abort);
  return over.signal;
}
