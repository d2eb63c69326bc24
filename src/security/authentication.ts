import { createVerifier, TokenError } from 'fast-jwt';
import { createRemoteJWKSet, decodeProtectedHeader, errors, jwtVerify, SignJWT } from 'jose';
import type { JWTVerifyGetKey } from 'jose';
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
/** Half of what Node takes as a request's whole head. */
export const MAX_TOKEN_LENGTH = 8192;
const BEARER = /^Bearer +([^\s]+)$/i;

/** The claims of a token that is good. @throws Error where it is not */
type Verify = (token: string) => unknown;

interface Keys {
  /** Null where HS256 is not accepted: an identity provider is configured, and no secret of our own. */
  readonly secret: Verify | null;
  readonly remote: JWTVerifyGetKey | null;
}

/**
 * Tells who calls from an `Authorization` header or a bare token.
 *
 * No header is anonymous; a token that is not good is refused, never anonymous. Algorithms are pinned: HS256
 * with our secret, RS256, ES256 and EdDSA with the keys of `JWKS_URL`, and neither key is ever used for the
 * other's algorithm. HS256 is verified in the call itself, which costs a quarter of the way to a thread and back;
 * what takes longer than that way, a signature by public key, is left to the threads.
 */
export class Authenticator {
  private constructor(
    private readonly auth: Config['auth'],
    private readonly keys: Keys,
    private readonly tokens: BookingTokens,
  ) {}

  /** @param secret as `tokenSecret` gives it */
  static create(auth: Config['auth'], secret: Uint8Array, tokens: BookingTokens): Authenticator {
    const takesSecret = auth.jwtSecret !== null || auth.jwksUrl === null;
    return new Authenticator(
      auth,
      {
        secret: takesSecret ? secretVerifier(auth, secret) : null,
        remote: auth.jwksUrl === null ? null : remoteKeys(new URL(auth.jwksUrl)),
      },
      tokens,
    );
  }

  /**
   * The identity where it can be told at once, else null: then ask `authenticate`. For the accept route, which
   * spares itself a promise.
   * @throws AppError `UNAUTHENTICATED`
   */
  immediate(authorization: string | undefined): Identity | null {
    return authorization === undefined ? ANONYMOUS : this.atOnce(bearer(authorization));
  }

  /** @throws AppError `UNAUTHENTICATED`; `UNAVAILABLE` where the identity provider does not answer */
  async authenticate(authorization: string | undefined): Promise<Identity> {
    return authorization === undefined ? ANONYMOUS : await this.identify(bearer(authorization));
  }

  /** As `authenticate`, from the token alone: for sockets. */
  async identify(token: string): Promise<Identity> {
    return this.atOnce(token) ?? byClaims(await this.byProvider(token));
  }

  /** Null for what only the identity provider's keys can tell. */
  private atOnce(token: string): Identity | null {
    if (token.startsWith(BOOKING_TOKEN_PREFIX)) return this.byBookingToken(token);
    if (token.length > MAX_TOKEN_LENGTH) throw new AppError('UNAUTHENTICATED', 'The token is too long');
    const { secret, remote } = this.keys;
    if (secret === null || (remote !== null && algorithmOf(token) !== 'HS256')) return null;
    try {
      return byClaims(secret(token));
    } catch (error) {
      throw refusal(error);
    }
  }

  private byBookingToken(token: string): Identity {
    const bookingId = this.tokens.verify(token);
    if (bookingId === null) throw new AppError('UNAUTHENTICATED', 'The token is not valid');
    return { kind: 'booking', bookingId };
  }

  private async byProvider(token: string): Promise<unknown> {
    const { remote } = this.keys;
    const { issuer, audience } = this.auth;
    try {
      if (remote === null) throw new errors.JOSEAlgNotAllowed();
      const { payload } = await jwtVerify(token, remote, {
        algorithms: PUBLIC_KEY_ALGORITHMS,
        requiredClaims: ['sub', 'exp'],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        ...(issuer === null ? {} : { issuer }),
        ...(audience === null ? {} : { audience }),
      });
      return payload;
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
  return await jwt.sign(secret);
}

function secretVerifier({ issuer, audience, mustExpire }: Config['auth'], secret: Uint8Array): Verify {
  return createVerifier({
    key: Buffer.from(secret),
    algorithms: ['HS256'],
    clockTolerance: CLOCK_TOLERANCE_SECONDS * 1000,
    // A claim that is not there is not looked at: what must be right must be there.
    requiredClaims: [
      'sub',
      ...(mustExpire ? ['exp'] : []),
      ...(issuer === null ? [] : ['iss']),
      ...(audience === null ? [] : ['aud']),
    ],
    ...(issuer === null ? {} : { allowedIss: issuer }),
    ...(audience === null ? {} : { allowedAud: audience }),
  });
}

/** What the header of a token says, which is not proven; undefined where it has none. */
function algorithmOf(token: string): string | undefined {
  try {
    return decodeProtectedHeader(token).alg;
  } catch {
    return undefined;
  }
}

function bearer(authorization: string): string {
  const token = BEARER.exec(authorization)?.[1];
  if (token === undefined)
    throw new AppError('UNAUTHENTICATED', 'The Authorization header must be "Bearer <token>"');
  return token;
}

function byClaims(claims: unknown): Identity {
  const { sub: userId, role, roles } = membersOf(claims);
  if (
    typeof userId !== 'string' ||
    userId === '' ||
    userId.length > MAX_SUBJECT_LENGTH ||
    !isCleanText(userId)
  ) {
    throw new AppError('UNAUTHENTICATED', 'The token names no user');
  }
  const has = (name: string): boolean => role === name || (Array.isArray(roles) && roles.includes(name));
  if (has('operator')) return { kind: 'operator', userId };
  return has('service') ? { kind: 'service', name: userId } : { kind: 'customer', userId };
}

const membersOf = (claims: unknown): Partial<Record<string, unknown>> =>
  typeof claims === 'object' && claims !== null ? { ...claims } : {};

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
  const expired =
    error instanceof errors.JWTExpired ||
    (error instanceof TokenError && error.code === TokenError.codes.expired);
  const detail = expired ? 'The token has expired' : 'The token is not valid';
  return new AppError('UNAUTHENTICATED', detail, {}, { cause: error });
}
