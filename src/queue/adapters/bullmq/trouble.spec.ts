import { BrokerError } from '../../broker-error.js';
import { brokerError } from './trouble.js';

const withCode = (code: string): Error => Object.assign(new Error('secret@10.0.0.7'), { code });

describe('what keeps BullMQ from its broker', () => {
  it.each([
    [withCode('ECONNREFUSED'), 'BROKER_UNREACHABLE'],
    [withCode('EAI_AGAIN'), 'BROKER_UNREACHABLE'],
    [withCode('57P01'), 'BROKER_UNREACHABLE'],
    [new Error("Stream isn't writeable and enableOfflineQueue options is false"), 'BROKER_UNREACHABLE'],
    [new Error('Command timed out'), 'BROKER_UNREACHABLE'],
    [new Error('timeout exceeded when trying to connect'), 'BROKER_UNREACHABLE'],
    [withCode('28P01'), 'BROKER_AUTHENTICATION_FAILED'],
    [new Error('WRONGPASS invalid username-password pair'), 'BROKER_AUTHENTICATION_FAILED'],
    [withCode('42501'), 'BROKER_NOT_AUTHORIZED'],
    [new Error("NOPERM this user has no permissions to run the 'hget' command"), 'BROKER_NOT_AUTHORIZED'],
    [new Error('OOM command not allowed when used memory > maxmemory'), 'BROKER_FULL'],
    [withCode('53100'), 'BROKER_FULL'],
    [withCode('SELF_SIGNED_CERT_IN_CHAIN'), 'BROKER_TLS_FAILED'],
    [withCode('42P01'), 'BROKER_FAILED'],
    ['no error at all', 'BROKER_FAILED'],
  ])('has a stable code: %s is %s', (thrown, code) => {
    const error = brokerError('bullmq-redis', thrown);
    expect(error.code).toBe(code);
    expect(error.message).not.toContain('10.0.0.7');
    expect(error.cause).toBe(thrown);
  });

  it('is passed on where it is known already', () => {
    const known = new BrokerError('BROKER_EVICTS', 'Redis');
    expect(brokerError('bullmq-redis', known)).toBe(known);
  });
});
