import { randomBytes } from 'node:crypto';

const random = (bytes = 12): string => randomBytes(bytes).toString('hex');

/** Values that occur nowhere else: personal data and secrets, put wherever the application takes some. */
export class Canaries {
  private readonly values = new Map<string, string>();
  private made = 0;

  readonly jwtSecret = this.keep('JWT secret', `canary-secret-${random(24)}`);
  readonly databasePassword = this.keep('database password', `canarydb${random()}`);
  readonly smtpPassword = this.keep('SMTP password', `canarysmtp${random()}`);
  readonly redisPassword = this.keep('Redis password', `canaryredis${random()}`);
  readonly stripeKey = this.keep('Stripe key', `sk_test_canary${random()}`);
  readonly webhookSecret = this.keep('webhook secret', `whsec_canary${random()}`);
  /** Of the documentation's networks: no machine has it. */
  readonly address = this.keep('address', `2001:db8:${random(2)}:${random(2)}:ca:a:ba:1`);

  /** One more to be looked for. Gives it back. */
  keep(name: string, value: string): string {
    this.values.set(`${name} ${++this.made}`, value);
    return value;
  }
  email(kind = 'fan'): string {
    return this.keep('e-mail address', `${kind}-${random()}@canary.example`);
  }
  method(): string {
    return this.keep('payment method', `pm_canary_${random()}`);
  }
  idempotencyKey(): string {
    return this.keep('Idempotency-Key', `canary-key-${random()}`);
  }

  /** Which of them is in the text, as it is or in another coat. */
  foundIn(text: string): string[] {
    return [...this.values].flatMap(([name, value]) =>
      coatsOf(value).some((coat) => text.includes(coat)) ? [name] : [],
    );
  }
}

function coatsOf(value: string): string[] {
  const whole = (value.length / 3) | 0;
  return [
    value,
    encodeURIComponent(value),
    JSON.stringify(value).slice(1, -1),
    Buffer.from(value).toString('hex'),
    // of base64 what does not depend on what stands behind it
    Buffer.from(value.slice(0, whole * 3)).toString('base64'),
  ];
}
