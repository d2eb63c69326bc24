import { createServer, type Server } from 'node:http';
import {
  decodeJwt,
  exportJWK,
  generateKeyPair,
  SignJWT,
  UnsecuredJWT,
  type CryptoKey,
  type JWTPayload,
} from 'jose';
import type { Config } from '../config/config.js';
import { Authenticator, operatorToken, tokenSecret } from './authentication.js';
import { BookingTokens } from './booking-token.js';
import { SecretStore } from './secret-store.js';

const SECRET_TEXT = 'a secret of at least thirty-two characters';
const secret = new TextEncoder().encode(SECRET_TEXT);
const tokens = new BookingTokens(secret);
const auth: Config['auth'] = {
  required: false,
  jwtSecret: SECRET_TEXT,
  jwksUrl: null,
  issuer: null,
  audience: null,
  mustExpire: false,
};

const create = async (changes: Partial<Config['auth']> = {}): Promise<Authenticator> =>
  await Promise.resolve(Authenticator.create({ ...auth, ...changes }, secret, tokens));
const sign = async (
  claims: JWTPayload,
  key: Uint8Array | CryptoKey = secret,
  alg = 'HS256',
  kid = 'one',
): Promise<string> => await new SignJWT(claims).setProtectedHeader({ alg, kid }).sign(key);
const now = (): number => Math.floor(Date.now() / 1000);

const unauthenticated = expect.objectContaining({ code: 'UNAUTHENTICATED' });

describe('a caller without a token', () => {
  it('is anonymous', async () => {
    const authenticator = await create();
    expect(authenticator.immediate(undefined)).toEqual({ kind: 'anonymous' });
    await expect(authenticator.authenticate(undefined)).resolves.toEqual({ kind: 'anonymous' });
  });

  it('is refused, not anonymous, when the header holds no bearer token', async () => {
    const authenticator = await create();
    for (const header of ['', 'Bearer', 'Bearer ', 'Basic dTpw', 'Bearer a b', 'token']) {
      expect(() => authenticator.immediate(header)).toThrow(unauthenticated);
      await expect(authenticator.authenticate(header)).rejects.toEqual(unauthenticated);
    }
  });
});

describe('the token of a booking', () => {
  const bookingId = '018f2a3b-0000-7000-8000-000000000000';

  it('identifies its booking at once', async () => {
    const authenticator = await create();
    const header = `Bearer ${tokens.issue(bookingId)}`;
    expect(authenticator.immediate(header)).toEqual({ kind: 'booking', bookingId });
    await expect(authenticator.authenticate(header)).resolves.toEqual({ kind: 'booking', bookingId });
  });

  it('is refused when it was not issued by us', async () => {
    const authenticator = await create();
    const forged = new BookingTokens(Buffer.alloc(32, 1)).issue(bookingId);
    expect(() => authenticator.immediate(`Bearer ${forged}`)).toThrow(unauthenticated);
    await expect(authenticator.identify(forged)).rejects.toEqual(unauthenticated);
  });
});

describe('a JWT under our secret', () => {
  it('identifies a customer, and an operator or a service by either form of the role', async () => {
    const authenticator = await create();
    const identify = async (claims: JWTPayload): Promise<unknown> =>
      await authenticator.identify(await sign(claims));
    expect(await identify({ sub: 'ann' })).toEqual({ kind: 'customer', userId: 'ann' });
    expect(await identify({ sub: 'ann', role: 'customer', roles: ['reader'] })).toEqual({
      kind: 'customer',
      userId: 'ann',
    });
    expect(await identify({ sub: 'op', role: 'operator' })).toEqual({ kind: 'operator', userId: 'op' });
    expect(await identify({ sub: 'op', roles: ['reader', 'operator'] })).toEqual({
      kind: 'operator',
      userId: 'op',
    });
    expect(await identify({ sub: 'gw', role: 'service' })).toEqual({ kind: 'service', name: 'gw' });
    expect(await identify({ sub: 'op', roles: ['service', 'operator'] })).toMatchObject({ kind: 'operator' });
  });

  it('is told at once', async () => {
    const authenticator = await create();
    const token = await sign({ sub: 'ann' });
    expect(authenticator.immediate(`Bearer ${token}`)).toEqual({ kind: 'customer', userId: 'ann' });
    expect(() => authenticator.immediate(`Bearer ${token}x`)).toThrow(unauthenticated);
  });

  it('must expire where that is asked for', async () => {
    const authenticator = await create({ mustExpire: true });
    await expect(authenticator.identify(await sign({ sub: 'ann' }))).rejects.toEqual(unauthenticated);
    await expect(authenticator.identify(await sign({ sub: 'ann', exp: now() + 60 }))).resolves.toBeDefined();
  });

  it('is refused when it has expired, is not valid yet, or names no user', async () => {
    const authenticator = await create();
    for (const claims of [
      { sub: 'ann', exp: now() - 60 },
      { sub: 'ann', nbf: now() + 60 },
      {},
      { sub: '' },
      { sub: 'x'.repeat(201) },
      { sub: 'a\u0000b' },
    ]) {
      await expect(authenticator.identify(await sign(claims))).rejects.toEqual(unauthenticated);
    }
  });

  it('may be off by a few seconds of clock', async () => {
    const authenticator = await create();
    await expect(authenticator.identify(await sign({ sub: 'ann', exp: now() - 2 }))).resolves.toBeDefined();
  });

  it('is refused under another secret, another algorithm, none, or when it is no token at all', async () => {
    const authenticator = await create();
    const padded = new Uint8Array(64).fill(3);
    for (const token of [
      await sign({ sub: 'ann' }, new Uint8Array(32).fill(9)),
      await sign({ sub: 'ann' }, padded, 'HS512'),
      new UnsecuredJWT({ sub: 'ann' }).encode(),
      'no-token',
      'a.b.c',
      `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.e30.`,
      '\u0000',
    ]) {
      await expect(authenticator.identify(token)).rejects.toEqual(unauthenticated);
    }
  });

  it('must be of the issuer and for the audience that are configured', async () => {
    const authenticator = await create({ issuer: 'https://id.example', audience: 'fairline' });
    const good = { sub: 'ann', iss: 'https://id.example', aud: 'fairline' };
    await expect(authenticator.identify(await sign(good))).resolves.toEqual({
      kind: 'customer',
      userId: 'ann',
    });
    for (const wrong of [
      { ...good, iss: 'https://evil.example' },
      { ...good, aud: 'other' },
      { sub: 'ann' },
    ]) {
      await expect(authenticator.identify(await sign(wrong))).rejects.toEqual(unauthenticated);
    }
  });
});

describe('the operator token of the embedded default', () => {
  it('is an operator for twelve hours, under issuer and audience too', async () => {
    for (const changes of [{}, { issuer: 'https://id.example', audience: 'fairline' }]) {
      const token = await operatorToken({ ...auth, ...changes }, secret);
      await expect((await create(changes)).identify(token)).resolves.toEqual({
        kind: 'operator',
        userId: 'operator',
      });
      const { exp = 0 } = decodeJwt(token);
      expect(exp - now()).toBeGreaterThan(11.9 * 3600);
      expect(exp - now()).toBeLessThanOrEqual(12 * 3600);
    }
  });
});

describe('the secret of tokens', () => {
  class OneSecret extends SecretStore {
    override secret = async (): Promise<Uint8Array> => await Promise.resolve(new Uint8Array(32).fill(5));
  }

  it('is the configured one, else the stored one', async () => {
    expect(await tokenSecret(auth, new OneSecret())).toEqual(secret);
    expect(await tokenSecret({ ...auth, jwtSecret: null }, new OneSecret())).toEqual(
      new Uint8Array(32).fill(5),
    );
  });
});

describe('a JWT of an identity provider', () => {
  let provider: Server;
  let jwksUrl: string;
  let answer: () => { status: number; body: string };
  const pairs = new Map<string, Awaited<ReturnType<typeof generateKeyPair>>>();

  beforeAll(async () => {
    for (const alg of ['RS256', 'ES256', 'EdDSA'])
      pairs.set(alg, await generateKeyPair(alg, { extractable: true }));
    provider = createServer((_, response) => {
      const { status, body } = answer();
      response.writeHead(status, { 'content-type': 'application/json' }).end(body);
    });
    await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve));
    const address = provider.address();
    if (address === null || typeof address === 'string') throw new Error('the provider has no port');
    jwksUrl = `http://127.0.0.1:${address.port}/jwks`;
  });
  afterAll(async () => {
    await new Promise((resolve) => provider.close(resolve));
  });
  beforeEach(async () => {
    const keys = await Promise.all(
      [...pairs].map(async ([alg, { publicKey }]) => ({ ...(await exportJWK(publicKey)), kid: alg, alg })),
    );
    answer = () => ({ status: 200, body: JSON.stringify({ keys }) });
  });

  const pair = (alg: string): Awaited<ReturnType<typeof generateKeyPair>> => {
    const found = pairs.get(alg);
    if (found === undefined) throw new Error(`no key of ${alg}`);
    return found;
  };
  const signed = async (alg: string, claims: JWTPayload, kid = alg): Promise<string> =>
    await sign(claims, pair(alg).privateKey, alg, kid);
  const remote = async (): Promise<Authenticator> => await create({ jwtSecret: null, jwksUrl });

  it('is taken with RS256, ES256 and EdDSA', async () => {
    const authenticator = await remote();
    for (const alg of pairs.keys()) {
      const token = await signed(alg, { sub: 'ann', exp: now() + 60 });
      await expect(authenticator.identify(token)).resolves.toEqual({ kind: 'customer', userId: 'ann' });
    }
  });

  it('must expire', async () => {
    await expect((await remote()).identify(await signed('ES256', { sub: 'ann' }))).rejects.toEqual(
      unauthenticated,
    );
  });

  it('is refused under a key that the provider does not name', async () => {
    const token = await signed('ES256', { sub: 'ann', exp: now() + 60 }, 'unknown');
    await expect((await remote()).identify(token)).rejects.toEqual(unauthenticated);
  });

  it('cannot be made from the public key as a secret, nor from a stored secret', async () => {
    const authenticator = await remote();
    const publicKey = new TextEncoder().encode(JSON.stringify(await exportJWK(pair('RS256').publicKey)));
    for (const key of [publicKey, secret]) {
      const token = await sign({ sub: 'eve', role: 'operator', exp: now() + 60 }, key, 'HS256', 'RS256');
      await expect(authenticator.identify(token)).rejects.toEqual(unauthenticated);
    }
  });

  it('is left to the patient way by the accept route, beside tokens of a configured secret too', async () => {
    const authenticator = await create({ jwksUrl });
    const token = await signed('RS256', { sub: 'ann', exp: now() + 60 });
    expect(authenticator.immediate(`Bearer ${token}`)).toBeNull();
    expect(authenticator.immediate(`Bearer ${await sign({ sub: 'ann' })}`)).not.toBeNull();
  });

  it('is accepted beside tokens of a configured secret', async () => {
    const authenticator = await create({ jwksUrl });
    await expect(authenticator.identify(await sign({ sub: 'ann' }))).resolves.toBeDefined();
    await expect(
      authenticator.identify(await signed('RS256', { sub: 'ann', exp: now() + 60 })),
    ).resolves.toBeDefined();
  });

  it('is nobody’s fault of the caller while the provider is away', async () => {
    for (const broken of [
      { status: 500, body: '' },
      { status: 200, body: 'no json' },
      { status: 200, body: '{}' },
    ]) {
      answer = () => broken;
      const token = await signed('ES256', { sub: 'ann', exp: now() + 60 });
      await expect((await remote()).identify(token)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    }
    const nobody = await create({ jwtSecret: null, jwksUrl: 'http://127.0.0.1:1/jwks' });
    await expect(
      nobody.identify(await signed('ES256', { sub: 'ann', exp: now() + 60 })),
    ).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
  });
});
