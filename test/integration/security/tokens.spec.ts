import { createHmac } from 'node:crypto';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from 'jose';
import { JWT_SECRET, startApp, unique, wish, type TestApp } from '../../support/app.js';
import { Watcher } from '../../support/board.js';
import { ALGORITHMS, IdentityProvider } from '../../support/identity-provider.js';

jest.setTimeout(120_000);

type Claims = Readonly<Record<string, unknown>>;
type Json = ReturnType<typeof JSON.parse>;

const ISSUER = 'https://id.example';
const AUDIENCE = 'fairline';
const now = (): number => Math.floor(Date.now() / 1000);
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token by hand, so that nothing of a library stands between a forger and what is forged. */
function forged(header: Claims, claims: unknown, key: string | Buffer | null): string {
  const signed = `${part(header)}.${part(claims)}`;
  return `${signed}.${key === null ? '' : createHmac('sha256', key).update(signed).digest('base64url')}`;
}

/** Every door that takes a token, of an application that takes those of its secret and of an identity provider. */
describe('a token', () => {
  let provider: IdentityProvider;
  let elsewhere: IdentityProvider;
  let test: TestApp;
  let offer: Json;
  const claims = (more: Claims = {}): Claims => ({
    ...{ sub: 'ann', exp: now() + 600, iss: ISSUER, aud: AUDIENCE },
    ...more,
  });
  const ours = (of: Claims, header: Claims = {}): string =>
    forged({ alg: 'HS256', typ: 'JWT', ...header }, of, JWT_SECRET);

  beforeAll(async () => {
    [provider, elsewhere] = [await IdentityProvider.start(), await IdentityProvider.start()];
    test = await startApp({
      ...{ AUTH_REQUIRED: 'true', JWKS_URL: provider.url, JWT_ISSUER: ISSUER, JWT_AUDIENCE: AUDIENCE },
    });
    const { body } = await test.api.post(
      '/api/offers',
      { ...wishless(), eventId: unique('event') },
      ours(claims({ role: 'operator' })),
    );
    offer = body;
  });
  afterAll(async () => {
    await test.close();
    await Promise.all([provider.close(), elsewhere.close()]);
  });

  const wishless = (): Record<string, unknown> => ({
    ...{
      ticketType: 'standing',
      title: 'Night',
      venue: 'Hall',
      timeZone: 'UTC',
      startsAt: '2999-01-01T00:00:00Z',
    },
    ...{ price: { amountMinor: 100, currency: 'EUR' }, capacity: 1000, limitPerCustomer: 1000 },
  });

  /** What each door says to this token. */
  async function doors(token: string): Promise<Record<string, unknown>> {
    const { api } = test;
    const told = async (asked: ReturnType<typeof api.get>): Promise<string> => {
      const { status, body, headers } = await asked;
      if (status < 400) return 'open';
      expect(headers['www-authenticate']).toBe('Bearer');
      return `${status} ${body.code}`;
    };
    const socket = Watcher.connect(api.url, token).then(
      (watcher) => {
        watcher.close();
        return 'open';
      },
      (error: unknown) => `401 ${error instanceof Error ? error.message : String(error)}`,
    );
    return {
      accept: await told(api.post('/api/bookings', wish(offer, { userId: 'ann' }), token)),
      list: await told(api.get('/api/bookings', token)),
      read: await told(api.get('/api/offers', token)),
      socket: await socket,
    };
  }
  const OPEN = { accept: 'open', list: 'open', read: 'open', socket: 'open' };
  const CLOSED = Object.fromEntries(Object.keys(OPEN).map((door) => [door, '401 UNAUTHENTICATED']));

  it('opens every door where our secret, or a key of the identity provider, signed it', async () => {
    expect(await doors(ours(claims()))).toEqual(OPEN);
    expect(await doors(ours(claims({ aud: ['other', AUDIENCE], nbf: now() - 10 })))).toEqual(OPEN);
    for (const alg of ALGORITHMS) {
      expect({ alg, doors: await doors(await provider.sign(alg, claims())) }).toEqual({ alg, doors: OPEN });
    }
  });

  it('opens no door where its time, its issuer, its audience or its subject is wrong', async () => {
    const wrong: Record<string, Claims> = {
      expired: claims({ exp: now() - 60 }),
      'expired long ago': claims({ exp: 1 }),
      'not valid yet': claims({ nbf: now() + 60 }),
      'an expiry that is no number': claims({ exp: 'tomorrow' }),
      'another issuer': claims({ iss: 'https://evil.example' }),
      'no issuer': claims({ iss: undefined }),
      'another audience': claims({ aud: 'other' }),
      'other audiences': claims({ aud: ['other', 'fairline2'] }),
      'no audience': claims({ aud: undefined }),
      'no subject': claims({ sub: undefined }),
      'an empty subject': claims({ sub: '' }),
      'a subject that is no text': claims({ sub: { $ne: null } }),
      'a subject with a NUL': claims({ sub: 'ann\u0000' }),
      'a subject beyond any length': claims({ sub: 'x'.repeat(201) }),
    };
    for (const [name, of] of Object.entries(wrong)) {
      expect({ name, doors: await doors(ours(of)) }).toEqual({ name, doors: CLOSED });
      const signed = await provider.sign('ES256', of);
      expect({ name: `${name}, by key`, doors: await doors(signed) }).toEqual({
        ...{ name: `${name}, by key`, doors: CLOSED },
      });
    }
    const unending = await provider.sign('RS256', claims({ exp: undefined }));
    expect(await doors(unending)).toEqual(CLOSED);
  });

  it('opens no door where nobody signed it: alg none, in any spelling, or a signature taken away', async () => {
    const [header, body] = ours(claims({ role: 'operator' })).split('.');
    const unsigned = ['none', 'None', 'NONE', 'nOnE', ''].flatMap((alg) => [
      forged({ alg }, claims({ role: 'operator' }), null),
      forged({ alg, kid: 'RS256' }, claims({ role: 'operator' }), ''),
    ]);
    for (const token of [...unsigned, `${header}.${body}.`, `${header}.${body}`, `${header}..`]) {
      expect(await doors(token)).toEqual(CLOSED);
    }
  });

  it('opens no door where a public key was taken for a secret', async () => {
    const { publicKey } = provider.pair('RS256');
    const pem = await exportSPKI(publicKey);
    const jwk = await exportJWK(publicKey);
    for (const key of [
      pem,
      pem.trim(),
      JSON.stringify(jwk),
      jwk.n ?? '',
      Buffer.from(jwk.n ?? '', 'base64url'),
    ]) {
      for (const alg of ['HS256', 'RS256']) {
        expect(await doors(forged({ alg, kid: 'RS256' }, claims({ role: 'operator' }), key))).toEqual(CLOSED);
      }
    }
  });

  it('opens no door under another algorithm, another key, or a key that the provider does not name', async () => {
    const other = await generateKeyPair('ES256');
    const sign = (key: Parameters<SignJWT['sign']>[0], alg: string, kid: string): Promise<string> =>
      new SignJWT({ ...claims() }).setProtectedHeader({ alg, kid }).sign(key);
    const secret = new TextEncoder().encode(JWT_SECRET);
    for (const token of [
      forged({ alg: 'HS256' }, claims(), 'another secret of at least thirty-two bytes'),
      forged({ alg: 'HS256' }, claims(), ''),
      await sign(new Uint8Array([...secret, ...secret]), 'HS512', 'one'),
      await sign(other.privateKey, 'ES256', 'ES256'),
      await elsewhere.sign('RS256', claims()),
      await provider.sign('ES256', claims(), { kid: 'RS256' }),
      await provider.sign('ES256', claims(), { kid: 'unknown' }),
      await provider.sign('RS256', claims(), { kid: '../../etc/passwd' }),
      `${(await provider.sign('RS256', claims())).slice(0, -6)}AAAAAA`,
    ]) {
      expect(await doors(token)).toEqual(CLOSED);
    }
  });

  it('brings no key of its own, and makes nobody fetch one', async () => {
    const mine = await generateKeyPair('ES256', { extractable: true });
    const jwk = await exportJWK(mine.publicKey);
    for (const header of [
      { alg: 'ES256', jwk },
      { alg: 'ES256', kid: 'ES256', jwk },
      { alg: 'ES256', jku: elsewhere.url },
      { alg: 'ES256', x5u: elsewhere.url },
      { alg: 'ES256', kid: elsewhere.url },
    ]) {
      const token = await new SignJWT({ ...claims() }).setProtectedHeader(header).sign(mine.privateKey);
      expect(await doors(token)).toEqual(CLOSED);
    }
    expect(elsewhere.asked).toBe(0);
  });

  it('opens no door where its header calls critical what nobody here knows', async () => {
    for (const crit of [['exp'], ['b64'], ['http://example/ext'], [], 'exp', [7]]) {
      const header = { crit, b64: true, exp: 1, 'http://example/ext': true };
      expect(await doors(ours(claims(), header))).toEqual(CLOSED);
      const signed = forged({ alg: 'RS256', kid: 'RS256', ...header }, claims(), 'x');
      expect(await doors(signed)).toEqual(CLOSED);
    }
  });

  it('opens no door where it is too long, or no token at all', async () => {
    const long = ours(claims({ padding: 'x'.repeat(8192) }));
    expect(long.length).toBeLessThan(14_000);
    const nearly = ours(claims({ padding: 'x'.repeat(5000) }));
    expect(await doors(nearly)).toEqual(OPEN);
    for (const token of [
      ...[
        long,
        'x'.repeat(10_000),
        'a.b.c',
        'a.b.c.d.e',
        '..',
        '.',
        'null',
        'undefined',
        '{}',
        'bt_',
        'bt_nonsense',
      ],
      ...[forged({ alg: 'HS256' }, null, JWT_SECRET), forged({ alg: 'HS256' }, [], JWT_SECRET)],
      ...[forged({ alg: 'HS256' }, 'ann', JWT_SECRET), `${ours(claims())}=`, `${ours(claims())}x`],
      `${ours(claims())}.${ours(claims())}`,
    ]) {
      expect({ token: token.slice(0, 60), doors: await doors(token) }).toEqual({
        ...{ token: token.slice(0, 60), doors: CLOSED },
      });
    }
  });

  it('asks the provider for its keys now and then, not for every forged key id', () => {
    // The tests above brought a dozen of key ids that it does not name.
    expect(provider.asked).toBeLessThanOrEqual(3);
  });
});
