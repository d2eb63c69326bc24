import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { CODE_METADATA } from '../grpc/values.js';
import { RemoteError, type RemoteName } from './remotes.js';

/** Answers to what was asked: the service is well, and says no. */
const REFUSALS: ReadonlySet<status> = new Set([
  status.INVALID_ARGUMENT,
  status.NOT_FOUND,
  status.ALREADY_EXISTS,
  status.FAILED_PRECONDITION,
  status.OUT_OF_RANGE,
  status.ABORTED,
]);
/** It was not let in, or not taken: nothing was done. */
const UNSENT: ReadonlySet<status> = new Set([
  status.UNAUTHENTICATED,
  status.PERMISSION_DENIED,
  status.UNIMPLEMENTED,
  status.RESOURCE_EXHAUSTED,
]);
/** What the client library says where its last attempt has not sent anything. */
const NO_CONNECTION = /^No connection established/;

/**
 * What a failed call means.
 *
 * @param retries the library repeats calls: what failed last says nothing of the attempts before
 */
export function remoteError(service: RemoteName, error: ServiceError, retries: boolean): RemoteError {
  const outcome = REFUSALS.has(error.code)
    ? 'refused'
    : UNSENT.has(error.code) || (!retries && NO_CONNECTION.test(error.details))
      ? 'unsent'
      : 'unknown';
  // The details name hosts, and perhaps what was sent: they are the log's, as the cause.
  return new RemoteError(service, outcome, status[error.code], codeOf(error), { cause: error });
}

function codeOf({ metadata }: ServiceError): string | null {
  if (!(metadata instanceof Metadata)) return null;
  const [code] = metadata.get(CODE_METADATA);
  return typeof code === 'string' ? code : null;
}
