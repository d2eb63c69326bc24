import { ConfigError, loadConfig } from './load.js';

const mistakesOf = (env: Record<string, string>): readonly string[] => {
  try {
    loadConfig(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes;
    throw error;
  }
};

const TICKETS = { GRPC_TICKET_SERVICE_URL: 'ticket-service:50054' };

describe('the configuration of other services', () => {
  it('has none unless one is named', () => {
    expect(loadConfig({}).remote).toMatchObject({
      ticketService: null,
      bookingService: null,
      realtimeService: null,
      rateLimiter: null,
      gateway: null,
      tls: null,
      token: null,
    });
  });

  it('takes each as host and port', () => {
    const { remote } = loadConfig({ ...TICKETS, GRPC_BOOKING_SERVICE_URL: '[::1]:50053' });
    expect(remote.ticketService).toEqual({ host: 'ticket-service', port: 50_054 });
    expect(remote.bookingService).toEqual({ at: { host: '::1', port: 50_053 }, paymentMethod: 'prepaid' });
    expect(mistakesOf({ GRPC_GATEWAY_URL: 'http://user:hunter2@gateway:1' })).toEqual([
      'GRPC_GATEWAY_URL must be host:port, without a scheme',
    ]);
  });

  it('refuses what would be without effect, or says two things', () => {
    expect(mistakesOf({ GRPC_CLIENT_TOKEN: 'a' })).toHaveLength(1);
    expect(mistakesOf({ ...TICKETS, GRPC_CLIENT_TLS_CA_FILE: 'ca.pem' })).toHaveLength(1);
    expect(mistakesOf({ ...TICKETS, GRPC_CLIENT_TLS_SERVER_NAME: 'tickets' })).toHaveLength(1);
    expect(mistakesOf({ ...TICKETS, GRPC_CLIENT_TOKEN: 'a', GRPC_CLIENT_TOKEN_FILE: 'b' })).toHaveLength(1);
  });

  it('calls nobody in plain text or namelessly in production', () => {
    const about = (env: Record<string, string>): string[] =>
      mistakesOf({ NODE_ENV: 'production', ...env }).filter((mistake) => mistake.includes('GRPC_CLIENT'));
    expect(about({})).toEqual([]);
    expect(about(TICKETS)).toEqual([expect.stringContaining('set GRPC_CLIENT_TLS=true')]);
    const tls = { ...TICKETS, GRPC_CLIENT_TLS: 'true' };
    expect(about(tls)).toEqual([expect.stringContaining('GRPC_CLIENT_TOKEN_FILE')]);
    expect(about({ ...tls, GRPC_CLIENT_TOKEN: 'a' })).toEqual([]);
    const files = { GRPC_CLIENT_TLS_CERT_FILE: 'cert.pem', GRPC_CLIENT_TLS_KEY_FILE: 'key.pem' };
    expect(about({ ...tls, ...files })).toEqual([]);
  });
});
