import { setTimeout as sleep } from 'node:timers/promises';

export interface Accepted {
  readonly bookingId: string;
  readonly token: string;
  readonly seq: number;
}

export interface Wish {
  readonly userId: string;
  readonly eventId: string;
  readonly paymentMethod?: string;
  readonly email?: string;
}

const ANSWER_MS = 10_000;
const RETRY_MS = 100;

/**
 * Books as a good client does: with an idempotency key, and again with the same one where no answer came or the
 * server asked for patience.
 */
export async function book(url: string, wish: Wish, withinMs = 60_000): Promise<Accepted> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const answer = await post(url, wish);
    if (answer?.status === 202) return answer.body;
    if (answer !== null && answer.status < 500) throw new Error(`refused with ${answer.status}`);
    if (performance.now() > deadline) throw new Error(`no answer for ${wish.userId}`);
    await sleep(RETRY_MS);
  }
}

/** Null where the connection broke. */
async function post(url: string, wish: Wish): Promise<{ status: number; body: Accepted } | null> {
  try {
    const response = await fetch(`${url}/api/bookings`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'idempotency-key': `key-${wish.userId}`,
        // A new connection each time, so that it reaches whichever process is next.
        connection: 'close',
      },
      body: JSON.stringify({ ticketType: 'standing', ...wish }),
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    return { status: response.status, body: acceptedFrom(await response.json()) };
  } catch {
    return null;
  }
}

function acceptedFrom(body: unknown): Accepted {
  const { bookingId, token, seq } = { bookingId: '', token: '', seq: 0, ...Object(body) };
  return { bookingId: String(bookingId), token: String(token), seq: Number(seq) };
}

/** Its state as the api tells it; null where it does not answer. */
export async function stateOf(url: string, { bookingId, token }: Accepted): Promise<string | null> {
  try {
    const response = await fetch(`${url}/api/bookings/${bookingId}`, {
      headers: { authorization: `Bearer ${token}`, connection: 'close' },
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const body: unknown = await response.json();
    return typeof body === 'object' && body !== null && 'state' in body ? String(body.state) : null;
  } catch {
    return null;
  }
}

/**
 * Pays where a hold waits for it: an attempt whose outcome nobody knew was voided, and the customer is asked again.
 * @returns false where that was not the case, or nobody answered
 */
export async function payIfHeld(url: string, booking: Accepted, method: string): Promise<boolean> {
  if ((await stateOf(url, booking)) !== 'held') return false;
  try {
    const response = await fetch(`${url}/api/bookings/${booking.bookingId}/payment`, {
      method: 'POST',
      headers: { authorization: `Bearer ${booking.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ paymentMethod: method }),
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    await response.body?.cancel();
    return response.status === 202;
  } catch {
    return false;
  }
}
