import { BrokerError, type BrokerErrorCode } from '../../broker-error.js';
import type { Broker } from './broker.js';

const NAMES: Readonly<Record<Broker['technology'], string>> = {
  'bullmq-postgres': 'PostgreSQL',
  'bullmq-redis': 'Redis',
};

/** SQLSTATEs of PostgreSQL, codes of Node's sockets, and the first word of Redis' errors. */
const BY_CODE: readonly (readonly [RegExp, BrokerErrorCode])[] = [
  [/^(28...|NOAUTH|WRONGPASS)$/, 'BROKER_AUTHENTICATION_FAILED'],
  [/^(42501|NOPERM)$/, 'BROKER_NOT_AUTHORIZED'],
  [/^(53[12]00|OOM)$/, 'BROKER_FULL'],
  [/^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS|ERR_SSL)/, 'BROKER_TLS_FAILED'],
  [
    /^(08...|57P0[1-5]|53300|E(CONN|NOENT|PIPE|TIMEDOUT|NOTFOUND|AI_AGAIN|HOST|NET)[A-Z]*)$/,
    'BROKER_UNREACHABLE',
  ],
];
/** What the clients say themselves when there is no connection; they give no code then. */
const NO_CONNECTION = /connection is closed|isn't writeable|timed? ?out|max retries|connection terminated/i;

/** Why the broker cannot be used, with a stable code, from what its client threw. */
export function brokerError(technology: Broker['technology'], error: unknown): BrokerError {
  if (error instanceof BrokerError) return error;
  return new BrokerError(codeOf(error), NAMES[technology], null, { cause: error });
}

function codeOf(error: unknown): BrokerErrorCode {
  if (!(error instanceof Error)) return 'BROKER_FAILED';
  const code = 'code' in error ? String(error.code) : (/^[A-Z]+(?= )/.exec(error.message)?.[0] ?? '');
  const known = BY_CODE.find(([pattern]) => pattern.test(code));
  if (known !== undefined) return known[1];
  return NO_CONNECTION.test(error.message) ? 'BROKER_UNREACHABLE' : 'BROKER_FAILED';
}
