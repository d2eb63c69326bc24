import { setTimeout as sleep } from 'node:timers/promises';
import { io, type Socket } from 'socket.io-client';
import type { ClientEvents, JoinAnswer, ServerEvents } from '../../src/realtime/events.js';

const LOOK_EVERY_MS = 100;
/** A machine that is busy with other things is slow, not broken. */
const PATIENCE_MS = 180_000;

interface Ticket {
  readonly bookingId: string;
  readonly token: string;
}

export interface Purchase {
  readonly userId: string;
  readonly eventId: string;
  /** Named with the booking; else the buyer waits for the hold and pays then. */
  readonly prepaid: boolean;
  /** Follows by a socket beside asking. */
  readonly watches: boolean;
}

/** One customer from the request to the ticket in hand. @throws Error where it does not come to that */
export async function buy(origin: string, purchase: Purchase): Promise<void> {
  const { userId, eventId, prepaid, watches } = purchase;
  const accepted = await json(origin, 'POST', '/api/bookings', {
    body: {
      ...{ userId, eventId, ticketType: 'standing', email: `${userId}@example.org` },
      ...(prepaid ? { paymentMethod: 'pm_ok' } : {}),
    },
    key: `book-${userId}`,
  });
  const ticket = { bookingId: String(accepted['bookingId']), token: String(accepted['token']) };
  const stop = watches ? await watch(origin, ticket) : () => undefined;
  try {
    if (!prepaid) {
      await reach(origin, ticket, 'held');
      await json(origin, 'POST', `/api/bookings/${ticket.bookingId}/payment`, {
        body: { paymentMethod: 'pm_ok' },
        token: ticket.token,
        key: `pay-${userId}`,
      });
    }
    await reach(origin, ticket, 'confirmed');
  } finally {
    stop();
  }
  const pdf = await fetch(`${origin}/api/bookings/${ticket.bookingId}/ticket.pdf`, {
    headers: { authorization: `Bearer ${ticket.token}` },
  });
  const bytes = (await pdf.arrayBuffer()).byteLength;
  if (pdf.status !== 200 || bytes < 1000)
    throw new Error(`The ticket came with ${pdf.status}, ${bytes} bytes`);
}

async function reach(origin: string, { bookingId, token }: Ticket, state: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  let version = 0;
  for (;;) {
    const booking = await json(origin, 'GET', `/api/bookings/${bookingId}?version=${version}`, { token });
    if (booking['state'] === state) return;
    if (performance.now() > deadline) throw new Error(`It is ${String(booking['state'])} and not ${state}`);
    version = Number(booking['version']);
    await sleep(LOOK_EVERY_MS);
  }
}

function watch(origin: string, { bookingId, token }: Ticket): Promise<() => void> {
  const socket: Socket<ServerEvents, ClientEvents> = io(origin, {
    transports: ['websocket'],
    auth: { token },
    forceNew: true,
  });
  return new Promise((resolve, reject) => {
    socket.on('connect_error', reject);
    socket.on('connect', () => {
      socket.emit('join', { bookingId }, (answer: JoinAnswer) => {
        if (answer.ok) resolve(() => socket.disconnect());
        else reject(new Error(answer.code));
      });
    });
  });
}

interface Request {
  readonly body?: Readonly<Record<string, unknown>>;
  readonly token?: string;
  readonly key?: string;
}

async function json(
  origin: string,
  method: string,
  path: string,
  { body, token, key }: Request,
): Promise<Partial<Record<string, unknown>>> {
  const response = await fetch(`${origin}${path}`, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  const answer: unknown = await response.json();
  if (!response.ok)
    throw new Error(`${method} ${path} answered ${response.status}: ${JSON.stringify(answer)}`);
  return typeof answer === 'object' && answer !== null ? { ...answer } : {};
}
