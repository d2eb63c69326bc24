import Stripe from 'stripe';
import type { Body } from './stripe-books.js';

export interface StandInEvent {
  readonly id: string;
  readonly type: string;
  /** The intent that it is about. */
  readonly intentId: string;
  /** As Stripe would send it. */
  readonly payload: string;
}

export interface Delivery {
  readonly url: string;
  readonly secret: string;
}

/** Events of the stand-in: signed and sent as Stripe does, or not as Stripe does. */
export class StripeEvents {
  readonly all: StandInEvent[] = [];
  private made = 0;
  private automatic: Delivery | null = null;
  private readonly sending = new Set<Promise<unknown>>();

  /** From now on each event is sent as soon as it is there, once. Null: none is sent by itself. */
  deliverTo(delivery: Delivery | null): void {
    this.automatic = delivery;
  }

  record(type: string, object: Body): void {
    const id = `evt_${++this.made}`;
    const created = Math.floor(Date.now() / 1000);
    const event = { id, object: 'event', created, livemode: false, type, data: { object } };
    const intentId = String(object['object'] === 'payment_intent' ? object['id'] : object['payment_intent']);
    const one = { id, type, intentId, payload: JSON.stringify(event) };
    this.all.push(one);
    if (this.automatic !== null) this.track(this.send(one, this.automatic));
  }

  of(intentId: string, type: string): StandInEvent {
    const found = this.all.find((event) => event.intentId === intentId && event.type === type);
    if (found === undefined) throw new Error(`there is no ${type} about ${intentId}`);
    return found;
  }

  /** Sends it once more, signed now or, `ageSeconds`, back then. The status that it is answered with. */
  async send(
    { payload }: Pick<StandInEvent, 'payload'>,
    { url, secret }: Delivery,
    ageSeconds = 0,
  ): Promise<number> {
    const { status } = await post(url, payload, signatureOf(payload, secret, ageSeconds));
    return status;
  }

  clear(): void {
    this.all.length = 0;
  }

  /** Resolves when nothing is being sent. */
  async idle(): Promise<void> {
    while (this.sending.size > 0) await Promise.allSettled(this.sending);
  }

  private track(work: Promise<unknown>): void {
    const tracked = work.catch(() => undefined).finally(() => this.sending.delete(tracked));
    this.sending.add(tracked);
  }
}

/** The header `Stripe-Signature`. */
export const signatureOf = (payload: string, secret: string, ageSeconds = 0): string =>
  Stripe.webhooks.generateTestHeaderString({
    payload,
    secret,
    timestamp: Math.floor(Date.now() / 1000) - ageSeconds,
  });

/** Posts a body as it is. */
export const post = (url: string, body: string, signature?: string): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json; charset=utf-8',
      ...(signature !== undefined && { 'stripe-signature': signature }),
    },
    body,
  });
