import { setTimeout as sleep } from 'node:timers/promises';
import { BrokerError, type BrokerErrorCode } from '../../broker-error.js';

const AUTHORISATION = /AUTHORIZATION_FAILED$/;
const TLS = /certificate|self[- ]signed|SSL|TLS|EPROTO|ALTNAME/i;
/** Nobody was reached, whatever the words beside say: a name that is not found is in its own message. */
const UNREACHED = new Set([
  'ENOTFOUND',
  'EAI_AGAIN',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
]);
const TOO_FEW_BROKERS = 'INVALID_REPLICATION_FACTOR';

/** What kafkajs threw as a `BrokerError`; the cause goes with it. */
export function brokerError(
  error: unknown,
  broker: string,
  doing: 'connect' | 'topics' = 'connect',
): BrokerError {
  if (error instanceof BrokerError) return error;
  const chain = causes(error);
  const [code, detail] = codeOf(chain, doing);
  return new BrokerError(code, broker, detail, { cause: error });
}

function codeOf(chain: readonly Error[], doing: 'connect' | 'topics'): [BrokerErrorCode, string | null] {
  const types = chain.map(typeOf);
  const refused = types.find((type) => AUTHORISATION.test(type));
  if (refused !== undefined && doing === 'topics') {
    return ['BROKER_TOPIC_MISSING', `${refused}: create the topics yourself or allow CREATE on the prefix`];
  }
  if (refused !== undefined) return ['BROKER_NOT_AUTHORIZED', refused];
  if (chain.some(({ name }) => name === 'KafkaJSSASLAuthenticationError'))
    return ['BROKER_AUTHENTICATION_FAILED', null];
  if (types.includes(TOO_FEW_BROKERS)) {
    return ['BROKER_TOPIC_MISSING', `${TOO_FEW_BROKERS}: KAFKA_REPLICATION is more than there are brokers`];
  }
  if (chain.some((error) => UNREACHED.has(systemCodeOf(error)))) return ['BROKER_UNREACHABLE', null];
  const tls = chain.find(({ message }) => TLS.test(message));
  if (tls !== undefined) return ['BROKER_TLS_FAILED', tls.message];
  if (chain.some(isConnection)) return ['BROKER_UNREACHABLE', null];
  if (types.includes('UNKNOWN_TOPIC_OR_PARTITION')) return ['BROKER_TOPIC_MISSING', null];
  return ['BROKER_FAILED', types.find((type) => type !== '') ?? chain[0]?.name ?? null];
}

const CONNECTION = new Set([
  'KafkaJSConnectionError',
  'KafkaJSConnectionClosedError',
  'KafkaJSRequestTimeoutError',
  'KafkaJSNoBrokerAvailableError',
  'KafkaJSBrokerNotFound',
  'KafkaTimeout',
]);
/** kafkajs says so of a connection that was never made, in a plain error. */
const NOT_CONNECTED = 'Broker not connected';
const isConnection = ({ name, message }: Error): boolean => CONNECTION.has(name) || message === NOT_CONNECTED;

/** The error, its causes, and what an aggregate holds. */
function causes(error: unknown, depth = 0): Error[] {
  if (!(error instanceof Error) || depth > 5) return [];
  const inner: readonly unknown[] = 'errors' in error && Array.isArray(error.errors) ? error.errors : [];
  const before = 'originalError' in error ? [error.originalError] : [];
  return [error, ...[error.cause, ...before, ...inner].flatMap((cause) => causes(cause, depth + 1))];
}

/** Kafka's own name of what is wrong; empty where it comes from elsewhere. */
function typeOf(error: Error): string {
  return 'type' in error && typeof error.type === 'string' ? error.type : '';
}

/** The operating system's own; empty where it comes from elsewhere. */
function systemCodeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** What members of a group are told while it changes: nobody's failure. */
const REBALANCE = new Set(['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID']);
export const isRebalance = (error: unknown): boolean =>
  causes(error).some((cause) => REBALANCE.has(typeOf(cause)));

/** No broker said where the group is to be asked for; which is all that kafkajs throws, whatever the cause. */
export const isMissingCoordinator = (error: unknown): boolean =>
  causes(error).some(({ name }) => name === 'KafkaJSGroupCoordinatorNotFound');

/** Whether a topic that was there has gone. */
export const isTopicGone = (error: unknown): boolean =>
  causes(error).some((cause) => typeOf(cause) === 'UNKNOWN_TOPIC_OR_PARTITION');

/** A topic has no leader yet, or a new one; a group has no coordinator yet, or a new one. */
const MOVING = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_FOR_PARTITION',
  'GROUP_LOAD_IN_PROGRESS',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
]);
const MOVED_MS = 50;

/** Asks again while a cluster is moving, which it says of itself; kafkajs gives up on some of that at once. */
export async function patiently<T>(patienceMs: number, work: () => Promise<T>): Promise<T> {
  const end = Date.now() + patienceMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const isMoving = causes(error).some((cause) => MOVING.has(typeOf(cause)) || isUnknownToKafkajs(cause));
      if (!isMoving || Date.now() > end) throw error;
    }
    await sleep(MOVED_MS);
  }
}

/** kafkajs trips over a topic that the broker it asked does not know of yet. */
const isUnknownToKafkajs = ({ name, message }: Error): boolean =>
  name === 'TypeError' && message.includes("'partitions'");

const TIMEOUTS = new Set(['KafkaTimeout', 'KafkaJSRequestTimeoutError']);

/** Whether a group or a cluster is changing, so that what was asked may go well later; or nothing came back in time. */
export const isPassing = (error: unknown): boolean =>
  causes(error).some(
    (cause) => REBALANCE.has(typeOf(cause)) || MOVING.has(typeOf(cause)) || TIMEOUTS.has(cause.name),
  );

/** Nothing came back in time. */
export class KafkaTimeout extends Error {
  constructor(what: string, ms: number) {
    super(`${what}: no answer within ${ms} ms`);
    this.name = 'KafkaTimeout';
  }
}

/** Rejects with `KafkaTimeout` when the work takes longer; what it does then is nobody's concern. */
export async function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new KafkaTimeout(what, ms)), ms);
  });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
