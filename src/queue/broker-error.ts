/** Why a broker cannot be used. Shown at start and in readiness; documented in docs/queues.md. */
export const BROKER_ERRORS = {
  BROKER_UNREACHABLE: 'nothing answers at its address',
  BROKER_AUTHENTICATION_FAILED: 'it refused the credentials',
  BROKER_NOT_AUTHORIZED: 'it does not allow what is needed',
  BROKER_FULL: 'it has no memory left and refuses to store more',
  BROKER_EVICTS: 'it is configured to evict keys, and would drop jobs',
  BROKER_TLS_FAILED: 'no trusted encrypted connection could be made',
  BROKER_TOPIC_MISSING: 'a topic that is needed does not exist and could not be created',
  BROKER_GROUP_UNSETTLED: 'its group of consumers is changing, and gives this process no work yet',
  BROKER_FAILED: 'it answered with an error',
} as const;
export type BrokerErrorCode = keyof typeof BROKER_ERRORS;

/** The broker cannot be used, with a stable code and without a secret in the message. */
export class BrokerError extends Error {
  constructor(
    readonly code: BrokerErrorCode,
    /** The technology and where it is, like `Redis at 10.0.0.1:6379`. */
    readonly broker: string,
    /** What to do or to look at, where more is known. */
    readonly detail: string | null = null,
    options?: ErrorOptions,
  ) {
    super(`${code}: ${broker}: ${BROKER_ERRORS[code]}${detail === null ? '' : ` (${detail})`}`, options);
    this.name = 'BrokerError';
  }
}
