import { freePort } from '../../../src/database/embedded/free-port.js';
import { AppProcess } from '../../support/process.js';

jest.setTimeout(60_000);

/** A configuration that production takes, but for the database, which is not there: nobody answers at its port. */
const SAFE = async (): Promise<Record<string, string>> => ({
  NODE_ENV: 'production',
  DATABASE_URL: `postgres://fairline:8Dq0ciDJ@127.0.0.1:${await freePort()}/fairline`,
  JWT_SECRET: 'q2Yy0oTtV5m1w8kXbN3rZs7uLh4cJf9e',
  PUBLIC_URL: 'https://tickets.example',
  PAYMENT_PROVIDER: 'stripe',
  STRIPE_SECRET_KEY: 'sk_live_abc',
  STRIPE_WEBHOOK_SECRET: 'whsec_abc',
  GRPC_PORT: 'off',
  PORT: '0',
  PROMETHEUS_PORT: '0',
});

/** The process as an operator starts it: what it said before it ended. */
async function start(env: Readonly<Record<string, string>>): Promise<{ code: number | null; said: string }> {
  const child = AppProcess.spawn([], env);
  const { code } = await child.ended;
  return { code, said: `${child.stderr}\n${child.lines.join('\n')}` };
}
const mistakesIn = (said: string): string[] =>
  said
    .split('\n')
    .filter((line) => line.startsWith('  - '))
    .map((line) => line.slice(4));

describe('production', () => {
  it('refuses everything unsafe in one message', async () => {
    const { code, said } = await start({
      NODE_ENV: 'production',
      AUTH_REQUIRED: 'false',
      JWT_SECRET: 'change-me-change-me-change-me-change-me',
      JWKS_URL: 'http://id.example/jwks.json',
      CORS_ORIGINS: '*',
      PUBLIC_URL: 'http://tickets.example',
      PAYMENT_PROVIDER: 'sandbox',
    });
    expect(code).toBe(1);
    expect(mistakesIn(said)).toEqual(
      expect.arrayContaining([
        'NODE_ENV=production needs DATABASE_URL',
        'NODE_ENV=production does not take a JWT_SECRET that is not random',
        'NODE_ENV=production needs a JWKS_URL that begins with https://',
        'NODE_ENV=production needs JWT_ISSUER and JWT_AUDIENCE beside JWKS_URL',
        'NODE_ENV=production needs AUTH_REQUIRED=true',
        'NODE_ENV=production needs PUBLIC_URL, and it must begin with https://: tokens travel there',
        'NODE_ENV=production does not take CORS_ORIGINS=*',
        'NODE_ENV=production does not take PAYMENT_PROVIDER=sandbox: no money would move',
        expect.stringContaining('it does not serve gRPC in plain text'),
      ]),
    );
    expect(said).toMatch(/^The configuration has \d+ mistakes:$/m);
    expect(said).not.toContain('change-me');
    expect(said).not.toContain('    at ');
  });

  it('refuses a secret that is short, and payments that are only a test', async () => {
    const safe = await SAFE();
    const { code, said } = await start({ ...safe, JWT_SECRET: 'short', STRIPE_SECRET_KEY: 'sk_test_abc' });
    expect(code).toBe(1);
    expect(mistakesIn(said)).toEqual(
      expect.arrayContaining([
        'JWT_SECRET must have at least 32 bytes',
        'NODE_ENV=production does not take a test key as STRIPE_SECRET_KEY: no money would move',
      ]),
    );
    expect(said).not.toContain('sk_test_abc');
  });

  it('takes what is safe, and goes on to the database', async () => {
    const { said } = await start(await SAFE());
    expect(mistakesIn(said)).toEqual([]);
    expect(said).toContain('ECONNREFUSED');
  });
});
