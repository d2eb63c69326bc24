import type { Reader } from './reader.js';

export interface StripeSettings {
  /** `sk_…`, or a restricted `rk_…`. */
  readonly secretKey: string;
  /** Null: no events are taken. */
  readonly webhookSecret: string | null;
  /** Null: Stripe itself. Else a stand-in, without a trailing slash. */
  readonly apiUrl: string | null;
  /** One call may take so long. */
  readonly timeoutMs: number;
}

const SECRET_KEY = /^[rs]k_(test|live)_\w+$/;
const WEBHOOK_SECRET = /^whsec_\S+$/;

/** How Stripe is reached; null where payments are not Stripe's. No mistake repeats a value: they are secrets. */
export function stripeSettings(read: Reader, provider: string): StripeSettings | null {
  const secretKey = read.text('STRIPE_SECRET_KEY');
  const webhookSecret = read.text('STRIPE_WEBHOOK_SECRET');
  const apiUrl = read.url('STRIPE_API_URL', ['http:', 'https:']);
  const timeoutMs = read.integer('STRIPE_TIMEOUT_SECONDS', 20, 1, 80) * 1000;
  if (provider !== 'stripe') {
    refuseIdle(
      { STRIPE_SECRET_KEY: secretKey, STRIPE_WEBHOOK_SECRET: webhookSecret, STRIPE_API_URL: apiUrl },
      read,
    );
    return null;
  }
  if (secretKey === null) read.refuse('PAYMENT_PROVIDER=stripe needs STRIPE_SECRET_KEY');
  else refuseWrongKey(secretKey, read);
  if (webhookSecret !== null && !WEBHOOK_SECRET.test(webhookSecret)) {
    read.refuse('STRIPE_WEBHOOK_SECRET must be the signing secret of an endpoint, which begins with whsec_');
  }
  return {
    secretKey: secretKey ?? '',
    webhookSecret,
    apiUrl: apiUrl?.replace(/\/+$/, '') ?? null,
    timeoutMs,
  };
}

/** What production asks beyond that. */
export function refuseUnsafeStripe({ secretKey, webhookSecret, apiUrl }: StripeSettings, read: Reader): void {
  if (webhookSecret === null) read.refuse('NODE_ENV=production needs STRIPE_WEBHOOK_SECRET');
  if (/^[rs]k_test_/.test(secretKey)) {
    read.refuse('NODE_ENV=production does not take a test key as STRIPE_SECRET_KEY: no money would move');
  }
  if (apiUrl !== null) {
    read.refuse('NODE_ENV=production does not take STRIPE_API_URL: what answers there is not Stripe');
  }
}

function refuseIdle(values: Readonly<Record<string, string | null>>, read: Reader): void {
  const idle = Object.keys(values).filter((name) => values[name] !== null);
  if (idle.length > 0) {
    read.refuse(
      `${idle.join(' and ')} ${idle.length === 1 ? 'has' : 'have'} no effect without PAYMENT_PROVIDER=stripe`,
    );
  }
}

function refuseWrongKey(key: string, read: Reader): void {
  if (SECRET_KEY.test(key)) return;
  read.refuse(
    key.startsWith('pk_')
      ? 'STRIPE_SECRET_KEY is a publishable key (pk_…), which is for browsers: it must be the secret key, sk_…, or a restricted one, rk_…'
      : 'STRIPE_SECRET_KEY must begin with sk_test_, sk_live_, rk_test_ or rk_live_',
  );
}
