import { createHash } from 'node:crypto';
import { BrokerError, type BrokerErrorCode } from './broker-error.js';

/** Sends one command to one Redis server and resolves with its answer. */
export type RedisCall = (command: string, ...args: string[]) => Promise<unknown>;

const BY_REPLY: readonly (readonly [RegExp, BrokerErrorCode])[] = [
  [/^(WRONGPASS|NOAUTH)\b|^ERR (invalid password|AUTH )|no password is set/i, 'BROKER_AUTHENTICATION_FAILED'],
  // inside a script Redis 7.0 says it in words
  [/^NOPERM\b|^ERR The user executing the script can't/, 'BROKER_NOT_AUTHORIZED'],
  [/^OOM\b/, 'BROKER_FULL'],
];
const TLS_CODE = /^(ERR_SSL_|ERR_TLS_|CERT_|EPROTO$|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/;
const TLS_TEXT = /before secure TLS connection was established/;
const REPLY = /^[A-Z]{3,}( |$)/;

/**
 * What went wrong with a Redis, by name. Servers' answers are told by their first word; whatever else keeps a
 * command from being answered leaves the server unreachable. Never holds a secret: of a message, only a code is kept.
 */
export function redisError(broker: string, error: unknown): BrokerError {
  if (error instanceof BrokerError) return error;
  const { message, code, name } = describe(error);
  const known = BY_REPLY.find(([pattern]) => pattern.test(message));
  if (known !== undefined) return new BrokerError(known[1], broker, null, { cause: error });
  if (TLS_CODE.test(code) || TLS_TEXT.test(message)) {
    return new BrokerError('BROKER_TLS_FAILED', broker, code === '' ? null : code, { cause: error });
  }
  // servers answer with a first word in capitals; a library speaks in sentences
  if (name === 'ReplyError' && REPLY.test(message)) {
    return new BrokerError('BROKER_FAILED', broker, message.split(' ')[0] ?? null, { cause: error });
  }
  return new BrokerError('BROKER_UNREACHABLE', broker, code === '' ? null : code, { cause: error });
}

/** Of several errors of one attempt, the one that says most: an answer before a broken connection. */
export function tellingRedisError(broker: string, errors: readonly unknown[]): BrokerError {
  const named = errors.map((error) => redisError(broker, error));
  return (
    named.find(({ code }) => code !== 'BROKER_UNREACHABLE') ??
    named.find(({ detail }) => detail !== null) ??
    named[0] ??
    new BrokerError('BROKER_UNREACHABLE', broker)
  );
}

/** Which keys a server must not evict: `lasting` have no time to live. */
export type KeptKeys = 'all' | 'lasting';

/**
 * That a server keeps what it is given, where it has a limit of memory. A server that does not let us read its
 * settings is believed.
 * @throws BrokerError
 */
export async function assertRedisKeeps(call: RedisCall, broker: string, kept: KeptKeys): Promise<void> {
  const text = await call('INFO', 'memory').catch((error: unknown) => {
    const named = redisError(broker, error);
    if (named.code === 'BROKER_NOT_AUTHORIZED') return '';
    throw named;
  });
  const { limit, policy } = readMemory(String(text));
  const evicts = kept === 'all' ? policy !== 'noeviction' : policy.startsWith('allkeys-');
  if (limit > 0 && evicts) {
    throw new BrokerError('BROKER_EVICTS', broker, `maxmemory-policy is ${policy}: set noeviction`);
  }
}

const PROBE = "return redis.call('SET', KEYS[1], '1', 'PX', 1000)";
const PROBE_SHA = createHash('sha1').update(PROBE).digest('hex');

/**
 * That a server runs scripts, and takes a write of one to this key, which is gone a second later.
 * @throws BrokerError, `BROKER_FULL` where its memory is used up, `BROKER_NOT_AUTHORIZED` where a right is missing
 */
export async function assertRedisWrites(call: RedisCall, broker: string, key: string): Promise<void> {
  try {
    await call('EVAL', PROBE, '1', key);
    // the right to each is given apart
    await call('EVALSHA', PROBE_SHA, '1', key).catch(unlessUnknown);
  } catch (error) {
    throw redisError(broker, error);
  }
}

/** Scripts may be flushed between two commands. */
function unlessUnknown(error: unknown): void {
  if (!describe(error).message.startsWith('NOSCRIPT')) throw error;
}

/** A server that was a master when we connected is not any more: who connects anew finds the one that is. */
export const isDemoted = (error: unknown): boolean => describe(error).message.startsWith('READONLY ');

/** From the answer to `INFO memory`. */
export function readMemory(info: string): { limit: number; policy: string } {
  const field = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
  return { limit: Number(field('maxmemory')) || 0, policy: field('maxmemory_policy') };
}

/** By its shape: an error of Node itself may come from another realm. */
function describe(error: unknown): { message: string; code: string; name: string } {
  const field = (name: string): string => {
    if (typeof error !== 'object' || error === null) return '';
    const value: unknown = Reflect.get(error, name);
    return typeof value === 'string' ? value : '';
  };
  return { message: field('message'), code: field('code'), name: field('name') };
}
