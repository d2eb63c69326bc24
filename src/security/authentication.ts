import { createRemoteJWKSet, decodeProtectedHeader, errors, jwtVerify, SignJWT } from 'jose';
import type { CryptoKey, JWTPayload, JWTVerifyGetKey, JWTVerifyOptions } from 'jose';
import type { Config } from '../config/config.js';
import { AppError } from '../common/errors.js';
import { isCleanText } from '../common/text.js';
import { BOOKING_TOKEN_PREFIX, BookingTokens } from './booking-token.js';
import { ANONYMOUS, type Identity } from './identity.js';
import type { SecretStore } from './secret-store.js';

/** Clocks of an identity provider and of ours may differ by so many seconds. */
const CLOCK_TOLERANCE_SECONDS = 5;
const PUBLIC_KEY_ALGORITHMS = ['RS256', 'ES256', 'EdDSA', 'Ed25519'];
const MAX_SUBJECT_LENGTH = 200;
const BEARER = /^Bearer +([^\s]+)$/i;

interface Keys {
  /** Null where HS256 is not accepted: an identity provider is configured, and no secret of our own. */
  readonly secret: CryptoKey | null;
  readonly remote: JWTVerifyGetKey | null;
}

/**
 * Tells who calls from an `Authorization` header or a bare token.
 *
 * No header is anonymous; a token that is not good is refused, never anonymous. Algorithms are pinned: HS256
 * with our secret, RS256, ES256 and EdDSA with the keys of `JWKS_URL`, and neither key is ever used for the
 * other's algorithm.
 */
export class Authenticator {
  private constructor(
    private readonly auth: Config['auth'],
    private readonly keys: Keys,
    private readonly tokens: BookingTokens,
  ) {}

  /** @param secret as `tokenSecret` gives it */
  static async create(
    auth: Config['auth'],
    secret: Uint8Array,
    tokens: BookingTokens,
  ): Promise<Authenticator> {
    const takesSecret = auth.jwtSecret !== null || auth.jwksUrl === null;
    return new Authenticator(
      auth,
      {
        secret: takesSecret ? await hmacKey(secret, 'verify') : null,
        remote: auth.jwksUrl === null ? null : remoteKeys(new URL(auth.jwksUrl)),
      },
      tokens,
    );
  }

  /**
   * The identity where no JWT has to be looked into, else null: then ask `authenticate`. For the accept route,
   * which spares itself a promise.
   * @throws AppError `UNAUTHENTICATED`
   */
  immediate(authorization: string | undefined): Identity | null {
    if (authorization === undefined) return ANONYMOUS;
    const token = bearer(authorization);
    return token.startsWith(BOOKING_TOKEN_PREFIX) ? this.byBookingToken(token) : null;
  }

  /** @throws AppError `UNAUTHENTICATED`; `UNAVAILABLE` where the identity provider does not answer */
  async authenticate(authorization: string | undefined): Promise<Identity> {
    return authorization === undefined ? ANONYMOUS : await this.identify(bearer(authorization));
  }

  /** As `authenticate`, from the token alone: for sockets. */
  async identify(token: string): Promise<Identity> {
    return token.startsWith(BOOKING_TOKEN_PREFIX)
      ? this.byBookingToken(token)
      : byClaims(await this.verify(token));
  }

  private byBookingToken(token: string): Identity {
    const bookingId = this.tokens.verify(token);
    if (bookingId === null) throw new AppError('UNAUTHENTICATED', 'The token is not valid');
    return { kind: 'booking', bookingId };
  }

  private async verify(token: string): Promise<JWTPayload> {
    const options: JWTVerifyOptions = {
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      ...(this.auth.issuer === null ? {} : { issuer: this.auth.issuer }),
      ...(this.auth.audience === null ? {} : { audience: this.auth.audience }),
    };
    const { secret, remote } = this.keys;
    try {
      if (secret !== null && decodeProtectedHeader(token).alg === 'HS256') {
        return (
          await jwtVerify(token, secret, { ...options, algorithms: ['HS256'], requiredClaims: ['sub'] })
        ).payload;
      }
      if (remote === null) throw new errors.JOSEAlgNotAllowed();
      const required = { algorithms: PUBLIC_KEY_ALGORITHMS, requiredClaims: ['sub', 'exp'] };
      return (await jwtVerify(token, remote, { ...options, ...required })).payload;
    } catch (error) {
      throw refusal(error);
    }
  }
}

/** Our secret of tokens: the configured one, else the stored one. */
export async function tokenSecret(auth: Config['auth'], store: SecretStore): Promise<Uint8Array> {
  return auth.jwtSecret === null ? await store.secret() : new TextEncoder().encode(auth.jwtSecret);
}

/** A token of the operator's role, good for 12 hours: what the embedded default prints at start. */
export async function operatorToken(auth: Config['auth'], secret: Uint8Array): Promise<string> {
  const jwt = new SignJWT({ role: 'operator' })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject('operator')
    .setIssuedAt()
    .setExpirationTime('12h');
  if (auth.issuer !== null) jwt.setIssuer(auth.issuer);
  if (auth.audience !== null) jwt.setAudience(auth.audience);
  return await jwt.sign(await hmacKey(secret, 'sign'));
}

// Imported once: jose would import raw bytes again for every token.
const hmacKey = async (secret: Uint8Array, usage: 'sign' | 'verify'): Promise<CryptoKey> =>
  await crypto.subtle.importKey('raw', new Uint8Array(secret), { name: 'HMAC', hash: 'SHA-256' }, false, [
    usage,
  ]);

function bearer(authorization: string): string {
  const token = BEARER.exec(authorization)?.[1];
  if (token === undefined)
    throw new AppError('UNAUTHENTICATED', 'The Authorization header must be "Bearer <token>"');
  return token;
}

function byClaims(claims: JWTPayload): Identity {
  const userId = claims.sub;
  if (
    typeof userId !== 'string' ||
    userId === '' ||
    userId.length > MAX_SUBJECT_LENGTH ||
    !isCleanText(userId)
  ) {
    throw new AppError('UNAUTHENTICATED', 'The token names no user');
  }
  if (hasRole(claims, 'operator')) return { kind: 'operator', userId };
  return hasRole(claims, 'service') ? { kind: 'service', name: userId } : { kind: 'customer', userId };
}

function hasRole(claims: JWTPayload, role: string): boolean {
  const roles: unknown = claims['roles'];
  return claims['role'] === role || (Array.isArray(roles) && roles.includes(role));
}

/** The provider's public keys. That a token names no key of theirs is the token's fault, all else is an outage. */
function remoteKeys(url: URL): JWTVerifyGetKey {
  const keys = createRemoteJWKSet(url);
  return async (header, token) => {
    try {
      return await keys(header, token);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys)
        throw error;
      throw new AppError('UNAVAILABLE', 'The identity provider does not answer', {}, { cause: error });
    }
  };
}

function refusal(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const detail = error instanceof errors.JWTExpired ? 'The token has expired' : 'The token is not valid';
  return new AppError('UNAUTHENTICATED', detail, {}, { cause: error });
}
