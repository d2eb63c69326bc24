import { brokerError } from './errors.js';

const BROKER = 'Kafka at kafka-tls:9092';
const withProperties = (message: string, properties: object): Error =>
  Object.assign(new Error(message), properties);
const codeOf = (error: unknown): string => brokerError(error, BROKER).code;

describe('The code of what kafkajs throws', () => {
  it('is that nobody answers for a name that is not found, whatever the name', () => {
    const cause = withProperties('Connection error: getaddrinfo ENOTFOUND kafka-tls', { code: 'ENOTFOUND' });
    expect(codeOf(new Error('Connection error', { cause }))).toBe('BROKER_UNREACHABLE');
    const refused = withProperties('connect ECONNREFUSED ssl.example:9092', { code: 'ECONNREFUSED' });
    expect(codeOf(refused)).toBe('BROKER_UNREACHABLE');
  });

  it('is that of TLS for an untrusted certificate, or a server that talks no TLS', () => {
    const untrusted = withProperties('self-signed certificate', { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    expect(codeOf(untrusted)).toBe('BROKER_TLS_FAILED');
    const plain = 'Client network socket disconnected before secure TLS connection was established';
    expect(codeOf(withProperties(plain, { code: 'ECONNRESET' }))).toBe('BROKER_TLS_FAILED');
  });

  it('is that nobody answers where a connection was never made', () => {
    expect(codeOf(new Error('Broker not connected'))).toBe('BROKER_UNREACHABLE');
  });

  it('names KAFKA_REPLICATION where there are too few brokers for it', () => {
    const one = withProperties('Replication-factor is invalid', { type: 'INVALID_REPLICATION_FACTOR' });
    expect(brokerError(withProperties('Topic creation errors', { errors: [one] }), BROKER)).toMatchObject({
      code: 'BROKER_TOPIC_MISSING',
      message: expect.stringContaining('KAFKA_REPLICATION'),
    });
  });
});
