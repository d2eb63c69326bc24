import { isIP, connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import {
  type ISocketFactoryArgs,
  Kafka,
  type KafkaConfig,
  logLevel,
  type logCreator,
  type RetryOptions,
} from 'kafkajs';
import type { KafkaSettings } from '../../../config/kafka.js';
import { readTls } from '../../tls.js';

/** Told of what went wrong and was survived. */
export type Report = (what: string, error: unknown) => void;

const CONNECT_TIMEOUT_MS = 3000;
/** Longer than the session of a member: whoever waits for its group outwaits one that died. */
const REQUEST_TIMEOUT_MS = 7000;
const AUTHENTICATION_TIMEOUT_MS = 5000;
const KEEP_ALIVE_MS = 60_000;
/** Partitions that an operator adds are seen after this. */
export const METADATA_MAX_AGE_MS = 30_000;
/** kafkajs repeats for half a minute by default; callers here are told within seconds and try again themselves. */
export const RETRY: RetryOptions = {
  retries: 3,
  initialRetryTime: 100,
  maxRetryTime: 1000,
  multiplier: 2,
  factor: 0.2,
  restartOnFailure: () => Promise.resolve(false),
};

/** Like `Kafka at 10.0.0.1:9092, 10.0.0.2:9092`, for messages. */
export const brokerName = ({ brokers }: KafkaSettings): string => `Kafka at ${addresses(brokers).join(', ')}`;

const addresses = (brokers: KafkaSettings['brokers']): string[] =>
  brokers.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`);

/**
 * `onGroupRefused`: a group may not be used, which kafkajs says in its log alone.
 * @throws BrokerError where a certificate cannot be read
 */
export function kafkaClient(settings: KafkaSettings, report: Report, onGroupRefused: () => void): Kafka {
  const { brokers, clientId, tls, sasl } = settings;
  const credentials = sasl === null ? null : saslOf(sasl);
  return new Kafka({
    brokers: addresses(brokers),
    clientId,
    connectionTimeout: CONNECT_TIMEOUT_MS,
    authenticationTimeout: AUTHENTICATION_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    enforceRequestTimeout: true,
    retry: RETRY,
    socketFactory: undelayed,
    ...(tls !== null && { ssl: readTls(tls, brokerName(settings)) }),
    ...(credentials !== null && { sasl: credentials }),
    logLevel: logLevel.ERROR,
    logCreator: toReport(report, onGroupRefused),
  });
}

/**
 * As kafkajs opens a connection, and nothing is held back: a small request behind another would wait up to 40 ms for the
 * broker's system to acknowledge the first.
 */
function undelayed({ host, port, ssl, onConnect }: Connect): Socket {
  const socket =
    ssl === null
      ? connectPlain({ host, port }, onConnect)
      : connectTls({ host, port, ...(isIP(host) === 0 && { servername: host }), ...ssl }, onConnect);
  return socket.setKeepAlive(true, KEEP_ALIVE_MS).setNoDelay();
}

/** `ssl` is null where the connection is plain, whatever the types say. */
type Connect = Omit<ISocketFactoryArgs, 'ssl'> & { readonly ssl: ISocketFactoryArgs['ssl'] | null };

function saslOf({
  mechanism,
  username,
  password,
}: NonNullable<KafkaSettings['sasl']>): NonNullable<KafkaConfig['sasl']> {
  switch (mechanism) {
    case 'plain':
      return { mechanism, username, password };
    case 'scram-sha-256':
      return { mechanism, username, password };
    case 'scram-sha-512':
      return { mechanism, username, password };
    default:
      return mechanism satisfies never;
  }
}

/** What these say of a request is thrown at whoever made it as well. */
const HEARD_ELSEWHERE = new Set(['Connection', 'BrokerPool', 'Producer']);

const GROUP_REFUSED = /Group authorization failed/;

function toReport(report: Report, onGroupRefused: () => void): logCreator {
  return () =>
    ({ namespace, log }) => {
      const { message, error } = log;
      if (typeof error === 'string' && GROUP_REFUSED.test(error)) onGroupRefused();
      if (HEARD_ELSEWHERE.has(namespace)) return;
      const cause = typeof error === 'string' && error !== message ? `: ${error}` : '';
      report(`Kafka (${namespace})`, new Error(`${message}${cause}`));
    };
}
