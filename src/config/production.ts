import type { Config } from './config.js';
import { refusePlaintextGrpc } from './grpc.js';
import type { Reader } from './reader.js';
import { refuseUnsafeRemotes } from './remote.js';
import { refuseUnsafeStripe } from './stripe.js';

/** What a secret copied from a page of documentation begins with, and nobody draws at random. */
const PLACEHOLDER =
  /^(change|replace|your|example|sample|default|secret|password|test|dev|demo|fairline|xxx)/i;
/** A random secret of 32 bytes, in hexadecimal even, has more different characters than that. */
const LEAST_DIFFERENT = 8;
const GUESSED_PASSWORDS = new Set(['', 'postgres', 'password', 'secret', 'fairline', 'changeme', 'admin']);
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** Refuses, all of it at once, what is good for trying out and would give a sale away. */
export function refuseUnsafe(config: Config, read: Reader): void {
  const { database, http, payment } = config;
  if (database.url === null) read.refuse('NODE_ENV=production needs DATABASE_URL');
  else if (hasGuessedPassword(database.url)) {
    read.refuse('NODE_ENV=production does not take a password in DATABASE_URL that anybody would try first');
  }
  refuseUnsafeTokens(config.auth, read);
  if (!http.publicUrl.startsWith('https:')) {
    read.refuse('NODE_ENV=production needs PUBLIC_URL, and it must begin with https://: tokens travel there');
  }
  if (http.corsOrigins.includes('*')) read.refuse('NODE_ENV=production does not take CORS_ORIGINS=*');
  if (http.corsOrigins.some((origin) => origin.startsWith('http:'))) {
    read.refuse('NODE_ENV=production does not take an origin of http:// in CORS_ORIGINS');
  }
  if (payment.provider === 'sandbox') {
    read.refuse('NODE_ENV=production does not take PAYMENT_PROVIDER=sandbox: no money would move');
  }
  if (payment.stripe !== null) refuseUnsafeStripe(payment.stripe, read);
  refusePlainChallenge(config.challenge, read);
  if (config.role !== 'worker') refusePlaintextGrpc(config.grpc, read);
  refuseUnsafeRemotes(config.remote, read);
}

/** The secret goes with every question. */
function refusePlainChallenge(challenge: Config['challenge'], read: Reader): void {
  if (challenge?.by.kind !== 'url' || challenge.by.url.startsWith('https:')) return;
  if (LOOPBACK.test(new URL(challenge.by.url).hostname)) return;
  read.refuse('NODE_ENV=production needs a CHALLENGE_URL that begins with https://');
}

function refuseUnsafeTokens(auth: Config['auth'], read: Reader): void {
  const { jwtSecret, jwksUrl } = auth;
  if (jwtSecret === null && jwksUrl === null) {
    read.refuse('NODE_ENV=production needs JWT_SECRET or JWKS_URL');
  }
  if (jwtSecret !== null && isGuessable(jwtSecret)) {
    read.refuse('NODE_ENV=production does not take a JWT_SECRET that is not random');
  }
  if (jwksUrl !== null) {
    if (!jwksUrl.startsWith('https:')) {
      read.refuse('NODE_ENV=production needs a JWKS_URL that begins with https://');
    }
    // Its keys sign for everything else that it serves: another application's token must not open this one.
    if (auth.issuer === null || auth.audience === null) {
      read.refuse('NODE_ENV=production needs JWT_ISSUER and JWT_AUDIENCE beside JWKS_URL');
    }
  }
  if (!auth.required) read.refuse('NODE_ENV=production needs AUTH_REQUIRED=true');
}

const isGuessable = (secret: string): boolean =>
  PLACEHOLDER.test(secret) || new Set(secret).size < LEAST_DIFFERENT;

/** A server on this machine may trust its users without one. */
function hasGuessedPassword(url: string): boolean {
  const { hostname, username, password, searchParams } = new URL(url);
  // A user without a password may have a certificate, or be known by other means.
  if (hostname === '' || LOOPBACK.test(hostname) || searchParams.has('host') || password === '') return false;
  return GUESSED_PASSWORDS.has(password.toLowerCase()) || password === username;
}
