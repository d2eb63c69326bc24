import { SignJWT } from 'jose';

export async function operatorToken(secret: string): Promise<string> {
  return await new SignJWT({ role: 'operator' })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject('operator')
    .setIssuedAt()
    .setExpirationTime('1d')
    .sign(new TextEncoder().encode(secret));
}

export interface OfferWish {
  readonly eventId: string;
  readonly capacity: number;
  readonly holdSeconds?: number;
  readonly limitPerCustomer?: number;
  readonly maxQuantity?: number;
}

/** Puts tickets of one type, `standing`, on sale. @returns the offer's id */
export async function createOffer(origin: string, token: string, wish: OfferWish): Promise<string> {
  const response = await fetch(`${origin}/api/offers`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      ticketType: 'standing',
      title: 'A night to measure',
      venue: 'Nowhere',
      timeZone: 'UTC',
      startsAt: new Date(Date.now() + 90 * 86_400_000).toISOString(),
      price: { amountMinor: 4900, currency: 'EUR' },
      holdSeconds: 120,
      limitPerCustomer: 10,
      maxQuantity: 10,
      ...wish,
    }),
  });
  const answer: unknown = await response.json();
  if (typeof answer === 'object' && answer !== null && 'id' in answer && typeof answer.id === 'string')
    return answer.id;
  throw new Error(`POST /api/offers answered ${response.status}: ${JSON.stringify(answer)}`);
}
