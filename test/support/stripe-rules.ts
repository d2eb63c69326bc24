export type StripeCall =
  'create' | 'retrieve' | 'confirm' | 'capture' | 'cancel' | 'list' | 'refund' | 'refunds';

/** What goes wrong, or waits, with calls of one kind. */
export interface Rule {
  readonly call: StripeCall;
  /** Of this booking alone. */
  readonly bookingId?: string;
  /** How many calls it is for; 1, and 2 for `cut`, because the library tries once more. */
  readonly times?: number;
  readonly delayMs?: number;
  /** The call waits before or after it has had its effect, until `release`. */
  readonly hold?: 'before' | 'after';
  /** The connection is closed before the call has come in, or after it has had its effect. */
  readonly cut?: 'before' | 'after';
  /**
   * An error of Stripe's own. `before`: 503, nothing was done and nothing is kept. `after`: 500, it was done, and the
   * error is kept under the idempotency key. `locked`: somebody else holds the object.
   */
  readonly fail?: 'before' | 'after' | 'locked' | 'rate_limit';
}

export interface Held {
  /** Resolves when a call of the rule has come to where it waits or fails. */
  readonly reached: Promise<void>;
  /** Lets those go on that wait, and those that would. */
  release(): void;
}

/** A rule that a call has met. */
export interface Met {
  readonly rule: Partial<Rule>;
  /** Tells that the call is where the rule wants it. */
  readonly come: () => void;
  readonly released: Promise<void>;
}

const NONE: Met = { rule: {}, come: () => undefined, released: Promise.resolve() };

/** What is to go wrong, in the order in which it was asked for. */
export class StripeRules {
  private armed: (Met & { readonly rule: Rule; left: number })[] = [];

  on(rule: Rule): Held {
    let come: () => void = () => undefined;
    let release: () => void = () => undefined;
    const reached = new Promise<void>((resolve) => (come = resolve));
    const released = new Promise<void>((resolve) => (release = resolve));
    const left = rule.times ?? (rule.cut === undefined ? 1 : 2);
    this.armed.push({ rule, left, come: () => come(), released });
    return { reached, release: () => release() };
  }

  take(call: StripeCall, bookingId: string | null): Met {
    const met = this.armed.find(
      ({ rule }) => rule.call === call && (rule.bookingId === undefined || rule.bookingId === bookingId),
    );
    if (met === undefined) return NONE;
    met.left -= 1;
    if (met.left === 0) this.armed = this.armed.filter((one) => one !== met);
    return met;
  }

  clear(): void {
    this.armed = [];
  }
}
