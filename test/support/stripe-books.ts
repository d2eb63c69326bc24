/** Stripe's side of the table: intents and refunds, and what each request does to them. In memory, without time. */

export type Params = Readonly<Record<string, string>>;
export type Body = Record<string, unknown>;

/** What Stripe answers. */
export interface Answer {
  readonly status: number;
  readonly body: Body;
  /** It is what was answered before under this key. */
  readonly isReplay?: boolean;
}

interface StandInRefund {
  readonly id: string;
  readonly intentId: string;
  readonly amount: number;
  readonly metadata: Params;
  status: 'succeeded' | 'pending' | 'failed';
}

export interface StandInIntent {
  readonly id: string;
  readonly amount: number;
  readonly currency: string;
  readonly metadata: Params;
  status:
    | 'requires_payment_method'
    | 'requires_action'
    | 'requires_capture'
    | 'succeeded'
    | 'canceled'
    | 'processing';
  received: number;
  /** Payment method of the last confirmation. */
  method: string | null;
  error: Body | null;
  /** How often money was set aside on a card: more than once would be two holds for one attempt. */
  authorised: number;
}

/** Stripe's own payment methods for tests, and three of ours. What is not here does not exist. */
const CARDS: Readonly<Record<string, { readonly code?: string; readonly decline?: string }>> = {
  pm_card_visa: {},
  pm_card_pendingRefund: {},
  pm_card_refundFail: {},
  pm_card_chargeDeclined: { code: 'card_declined', decline: 'generic_decline' },
  pm_card_chargeDeclinedInsufficientFunds: { code: 'card_declined', decline: 'insufficient_funds' },
  pm_card_chargeDeclinedStolenCard: { code: 'card_declined', decline: 'stolen_card' },
  pm_card_chargeDeclinedExpiredCard: { code: 'expired_card', decline: 'expired_card' },
  pm_card_authenticationRequired: { code: 'authentication_required', decline: 'authentication_required' },
  // the bank asks for the customer although it was told that nobody is there
  pm_standin_requiresAction: {},
  // set aside, but not to be had
  pm_standin_captureDeclined: {},
  // Stripe is not done, and says so
  pm_standin_processing: {},
};

export const failed = (status: number, error: Body): Answer => ({ status, body: { error } });
const rejected = (code: string, more: Body = {}): Answer =>
  failed(400, { type: 'invalid_request_error', code, message: code, ...more });
const declined = (code: string, decline_code: string, intent: StandInIntent): Answer =>
  failed(402, { type: 'card_error', code, decline_code, message: code, payment_intent: asJson(intent, []) });
const missing = (what: string): Answer =>
  failed(404, { type: 'invalid_request_error', code: 'resource_missing', message: `No such ${what}` });
const unexpectedState = (intent: StandInIntent): Answer =>
  rejected('payment_intent_unexpected_state', { payment_intent: asJson(intent, []) });

export class StripeBooks {
  private made = 0;
  private readonly intents = new Map<string, StandInIntent>();
  private refunds: StandInRefund[] = [];

  /** @param told of each change that Stripe tells of by an event */
  constructor(private readonly told: (type: string, object: Body) => void) {}

  all(): readonly StandInIntent[] {
    return [...this.intents.values()];
  }

  find(id: string): StandInIntent | undefined {
    return this.intents.get(id);
  }

  clear(): void {
    this.intents.clear();
    this.refunds = [];
  }

  create(params: Params): Answer {
    const amount = Number(params['amount']);
    if (!Number.isSafeInteger(amount) || amount < 1) return rejected('parameter_invalid_integer');
    if (amount < 50) return rejected('amount_too_small');
    const intent: StandInIntent = {
      id: `pi_${++this.made}`,
      amount,
      currency: params['currency'] ?? '',
      metadata: nested(params, 'metadata'),
      ...{ status: 'requires_payment_method', received: 0, method: null, error: null, authorised: 0 },
    };
    this.intents.set(intent.id, intent);
    return this.tell('payment_intent.created', intent);
  }

  retrieve(id: string): Answer {
    const intent = this.intents.get(id);
    return intent === undefined ? missing('payment_intent') : { status: 200, body: this.json(intent) };
  }

  confirm(id: string, params: Params): Answer {
    const intent = this.intents.get(id);
    if (intent === undefined) return missing('payment_intent');
    if (intent.status !== 'requires_payment_method') return unexpectedState(intent);
    const method = params['payment_method'] ?? '';
    const card = CARDS[method];
    if (card === undefined) {
      return rejected('resource_missing', { param: 'payment_method', message: 'No such PaymentMethod' });
    }
    intent.method = method;
    if (card.code !== undefined) return this.decline(intent, card.code, card.decline ?? '');
    if (method === 'pm_standin_requiresAction') return this.move(intent, 'requires_action', null);
    if (method === 'pm_standin_processing') return this.move(intent, 'processing', null);
    intent.authorised += 1;
    intent.error = null;
    return this.move(intent, 'requires_capture', 'payment_intent.amount_capturable_updated');
  }

  capture(id: string): Answer {
    const intent = this.intents.get(id);
    if (intent === undefined) return missing('payment_intent');
    if (intent.status !== 'requires_capture') return unexpectedState(intent);
    if (intent.method === 'pm_standin_captureDeclined') {
      return declined('card_declined', 'generic_decline', intent);
    }
    intent.received = intent.amount;
    return this.move(intent, 'succeeded', 'payment_intent.succeeded');
  }

  cancel(id: string): Answer {
    const intent = this.intents.get(id);
    if (intent === undefined) return missing('payment_intent');
    if (['succeeded', 'canceled', 'processing'].includes(intent.status)) return unexpectedState(intent);
    return this.move(intent, 'canceled', 'payment_intent.canceled');
  }

  /** Newest first, as Stripe does. */
  list(params: Params): Answer {
    const all = this.all().toReversed();
    const after = params['starting_after'];
    const from = after === undefined ? 0 : all.findIndex(({ id }) => id === after) + 1;
    const limit = Number(params['limit'] ?? 10);
    const page = all.slice(from, from + limit);
    return listed(
      page.map((intent) => this.json(intent)),
      from + limit < all.length,
    );
  }

  refund(params: Params): Answer {
    const intent = this.intents.get(params['payment_intent'] ?? '');
    if (intent === undefined) return missing('payment_intent');
    if (intent.status !== 'succeeded') return rejected('payment_intent_unexpected_state');
    const amount = Number(params['amount'] ?? intent.amount);
    const left = intent.amount - this.givenBack(intent);
    if (left === 0) return rejected('charge_already_refunded');
    if (amount > left) return rejected('parameter_invalid_integer', { param: 'amount' });
    const refund: StandInRefund = {
      id: `re_${++this.made}`,
      intentId: intent.id,
      amount,
      metadata: nested(params, 'metadata'),
      status: intent.method === 'pm_card_pendingRefund' ? 'pending' : 'succeeded',
    };
    this.refunds.push(refund);
    this.told('charge.refunded', { object: 'charge', payment_intent: intent.id });
    return { status: 200, body: refundJson(refund, intent) };
  }

  refundsOf(params: Params): Answer {
    const intent = this.intents.get(params['payment_intent'] ?? '');
    if (intent === undefined) return missing('payment_intent');
    return listed(
      this.refundsOfIntent(intent).map((one) => refundJson(one, intent)),
      false,
    );
  }

  /** What the bank says of refunds that were pending, or given already. */
  settleRefunds(intentId: string, status: 'succeeded' | 'failed'): void {
    const intent = this.intents.get(intentId);
    for (const refund of this.refunds.filter((one) => one.intentId === intentId && one.status !== 'failed')) {
      refund.status = status;
      if (intent === undefined) continue;
      this.told(status === 'failed' ? 'refund.failed' : 'refund.updated', refundJson(refund, intent));
    }
  }

  /** What has gone back, or is about to. */
  givenBack(intent: StandInIntent): number {
    return this.refundsOfIntent(intent)
      .filter(({ status }) => status !== 'failed')
      .reduce((sum, { amount }) => sum + amount, 0);
  }

  private decline(intent: StandInIntent, code: string, decline_code: string): Answer {
    intent.error = { type: 'card_error', code, decline_code, message: code };
    this.tell('payment_intent.payment_failed', intent);
    return declined(code, decline_code, intent);
  }

  private move(intent: StandInIntent, status: StandInIntent['status'], event: string | null): Answer {
    intent.status = status;
    return event === null ? { status: 200, body: this.json(intent) } : this.tell(event, intent);
  }

  private tell(type: string, intent: StandInIntent): Answer {
    const body = this.json(intent);
    this.told(type, body);
    return { status: 200, body };
  }

  private refundsOfIntent({ id }: StandInIntent): StandInRefund[] {
    return this.refunds.filter(({ intentId }) => intentId === id);
  }

  private json(intent: StandInIntent): Body {
    return asJson(intent, this.refundsOfIntent(intent));
  }
}

const listed = (data: readonly Body[], has_more: boolean): Answer => ({
  status: 200,
  body: { object: 'list', url: '/v1', data, has_more },
});

function asJson(intent: StandInIntent, refunds: readonly StandInRefund[]): Body {
  const { id, amount, currency, metadata, status, received, method, error, authorised } = intent;
  const refunded = refunds.reduce((sum, one) => sum + (one.status === 'failed' ? 0 : one.amount), 0);
  const data = refunds.map((one) => refundJson(one, intent));
  const latest_charge =
    authorised === 0
      ? null
      : { id: `ch_${id}`, object: 'charge', amount_refunded: refunded, refunds: { data, has_more: false } };
  return {
    ...{ id, object: 'payment_intent', amount, currency, metadata, status, latest_charge, livemode: false },
    ...{
      amount_received: received,
      last_payment_error: error,
      capture_method: 'manual',
      payment_method: method,
    },
  };
}

const refundJson = (refund: StandInRefund, { currency }: StandInIntent): Body => ({
  ...{ id: refund.id, object: 'refund', amount: refund.amount, currency, status: refund.status },
  ...{ metadata: refund.metadata, payment_intent: refund.intentId },
});

/** `metadata[key]=value` pairs. */
function nested(params: Params, name: string): Params {
  const pairs = Object.entries(params).flatMap(([path, value]) => {
    const [, key] = new RegExp(`^${name}\\[(\\w+)\\]$`).exec(path) ?? [];
    return key === undefined ? [] : [[key, value] as const];
  });
  return Object.fromEntries(pairs);
}
