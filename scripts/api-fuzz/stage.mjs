// What there is before the fuzzing begins: offers of every kind, and bookings in every state.
import { setTimeout as sleep } from 'node:timers/promises';
import { SignJWT } from 'jose';

/** Both have bookings; the first one asks. */
export const CUSTOMERS = ['fuzz-customer', 'fuzz-neighbour'];
const PATIENCE_MS = 60_000;
const DAY_MS = 24 * 3600 * 1000;

const inDays = (days) => new Date(Date.now() + days * DAY_MS);
const date = (days) => inDays(days).toISOString().slice(0, 10);

/** A token as an identity provider would sign it. */
export const jwt = (claims, secret) =>
  new SignJWT({ ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuedAt()
    .setExpirationTime('2h')
    .sign(Buffer.from(secret));

const TERMS = {
  title: 'Summer Night',
  price: { amountMinor: 4900, currency: 'EUR' },
  // Holds outlast the run, and one customer may have many.
  holdSeconds: 3600,
  limitPerCustomer: 10_000,
  maxQuantity: 50,
  cancellation: { refundable: true },
};

const HOTEL = 'lakeside-fuzz';
const ROOM = 'double';

/** Each event has one type, so that a request need not name it. */
const EVENTS = {
  plenty: { capacity: 1_000_000 },
  gone: { capacity: 0 },
  scarce: { capacity: 2 },
  later: { capacity: 10, opensAt: inDays(30).toISOString() },
  over: { capacity: 10, opensAt: inDays(-3).toISOString(), closesAt: inDays(-2).toISOString() },
  limited: { capacity: 10, limitPerCustomer: 1 },
};

/**
 * @param {string} url
 * @param {string} operator token
 * @returns what exists, by what it is
 */
export async function setStage(url, operator) {
  const api = caller(url, operator);
  const offers = [];
  for (const [eventId, terms] of Object.entries(EVENTS)) {
    const offer = { ...TERMS, eventId, ticketType: 'standing', startsAt: inDays(90).toISOString(), ...terms };
    offers.push((await api('POST', '/api/offers', offer)).id);
  }
  const nights = [{ from: date(10), to: date(300), capacity: 50 }];
  const rooms = await api('POST', '/api/offers', {
    ...TERMS,
    ...{ hotelId: HOTEL, roomType: ROOM, nights },
  });

  const book = (more) => api('POST', '/api/bookings', { eventId: 'plenty', ...more });
  // What ends a booking has some of its own, so that there are always some for everything else.
  const made = { bookings: [], held: [], paid: [], kept: [], dead: [] };
  for (const userId of CUSTOMERS) {
    const paid = { userId, paymentMethod: 'pm_ok', quantity: 2 };
    const stay = { userId, hotelId: HOTEL, checkIn: date(20), checkOut: date(22) };
    made.held.push(...(await all(times(4, () => book({ userId })))));
    made.paid.push(...(await all(times(4, () => book(paid)))));
    made.kept.push(...(await all(times(2, () => book(paid)))));
    // Nobody takes its mail: it becomes a dead letter.
    made.dead.push(...(await all(times(4, () => book({ ...paid, email: 'fan@example.org' })))));
    made.bookings.push(
      ...(await all([
        ...times(3, () => book({ userId })),
        ...times(3, () => book(paid)),
        book({ userId, eventId: 'scarce', quantity: 2 }),
        api('POST', '/api/bookings', { ...stay, paymentMethod: 'pm_ok' }),
        api('POST', '/api/bookings', stay),
      ])),
    );
    const left = await book({ userId });
    await api('DELETE', pathOf(left));
    made.bookings.push(left);
  }
  const settled = [...made.paid, ...made.kept];
  const codes = await eventually('tickets', async () => {
    const read = await all(settled.map((one) => api('GET', pathOf(one))));
    return read.every(({ state }) => state === 'confirmed') ? read.flatMap((one) => one.ticketCodes) : null;
  });
  const letters = await eventually('dead letters', async () => {
    const { deadLetters } = await api('GET', '/api/admin/dead-letters?state=open');
    return deadLetters.length === made.dead.length ? deadLetters.map(({ id }) => id) : null;
  });
  return {
    ...{ offers, rooms: [rooms.id], events: Object.keys(EVENTS), customers: CUSTOMERS, codes },
    ...Object.fromEntries(Object.entries(made).map(([name, some]) => [name, some.map(idOf)])),
    replayed: letters.filter((_, index) => index % 2 === 0),
    discarded: letters.filter((_, index) => index % 2 === 1),
    guest: made.kept[0],
    stay: {
      hotels: [HOTEL],
      roomTypes: [ROOM],
      arrivals: [date(20), date(30)],
      departures: [date(31), date(33)],
    },
  };
}

const all = (promises) => Promise.all(promises);
const idOf = ({ bookingId }) => bookingId;
const pathOf = ({ bookingId }) => `/api/bookings/${bookingId}`;

/** Whether F1 to F7 hold. @returns {Promise<string[]>} what does not, in words */
export async function brokenInvariants(url, operator) {
  const { invariants } = await caller(url, operator)('GET', '/api/admin/invariants');
  return Object.entries(invariants).flatMap(([name, { violations }]) =>
    violations.map((violation) => `${name}: ${violation}`),
  );
}

function caller(url, token) {
  return async (method, path, body) => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return JSON.parse(text);
  };
}

async function eventually(what, ask) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await sleep(100)) {
    const answer = await ask();
    if (answer !== null) return answer;
  }
  throw new Error(`not within ${PATIENCE_MS} ms: ${what}`);
}

const times = (count, make) => Array.from({ length: count }, make);
