// Joins a line, watches the place in it by Socket.IO, pays when it is our turn, and saves the ticket.
//
//   FAIRLINE_URL=http://127.0.0.1:3000 node examples/node-client.mjs fan-1 summer-night standing
//
// Needs Node 20 and socket.io-client. Exit code 0: the ticket is in the folder that we are in.
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { io } from 'socket.io-client';

const server = process.env.FAIRLINE_URL ?? 'http://127.0.0.1:3000';
const paymentMethod = process.env.PAYMENT_METHOD ?? 'pm_ok';
const [userId = 'fan-1', eventId = 'summer-night', ticketType = 'standing'] = process.argv.slice(2);

/** In none of these a booking moves again by itself. */
const SETTLED = new Set(['confirmed', 'expired', 'cancelled', 'sold_out', 'refunded']);
/** So often a request is sent before we give up. */
const ATTEMPTS = 10;
/** An event may be lost: then we hear of it so much later. */
const ASK_EVERY_MS = 15_000;

/**
 * Sends a request until it has an answer. After a broken connection, a busy server and a sale that is not open yet it is
 * sent again, when the server says; with the same Idempotency-Key that is never a second booking or payment.
 */
async function call(method, url, { token, key, body } = {}) {
  for (let attempt = 1; ; attempt++) {
    const answer = await fetch(url, {
      method,
      headers: {
        ...(token && { authorization: `Bearer ${token}` }),
        ...(key && { 'idempotency-key': key }),
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    }).catch(() => null);
    if (answer?.ok) return answer;
    const problem = await answer?.json().catch(() => null);
    const mayWork = !answer || [425, 429].includes(answer.status) || answer.status >= 500;
    if (!mayWork || attempt === ATTEMPTS) {
      throw new Error(
        `${method} ${url}: ${problem?.code ?? answer?.status ?? 'no answer'} ${problem?.title ?? ''}`,
      );
    }
    await sleep(pauseMs(answer, problem, attempt));
  }
}

/** As long as the server says; where it does not, longer each time, and not in step with everybody else. */
function pauseMs(answer, problem, attempt) {
  const retryAfter = Number(answer?.headers.get('retry-after'));
  if (retryAfter > 0) return retryAfter * 1000 * (1 + Math.random() / 4);
  // By the server's clock: ours may be wrong.
  if (problem?.opensAt) return Math.max(100, Date.parse(problem.opensAt) - Date.parse(problem.serverTime));
  return 100 * 2 ** attempt * (0.5 + Math.random());
}

/** Follows one booking: `next` resolves with a snapshot that is newer than the one given. */
function follow({ bookingId, seq, token, links }) {
  let latest = null;
  let wake = () => {};
  const take = (snapshot) => {
    // What is told late is no news. Within a version only progress counts, and it only rises.
    const isNews =
      latest === null ||
      snapshot.version > latest.version ||
      (snapshot.version === latest.version && snapshot.progress > latest.progress);
    if (isNews) latest = snapshot;
    if (isNews) wake();
  };
  const version = () => latest?.version ?? 0;
  const ask = async () => {
    const answer = await call('GET', `${links.self}?version=${version()}`, { token });
    take(await answer.json());
  };

  const socket = io(server, { transports: ['websocket'], auth: { token } });
  // At each connection anew: the answer is how things stand, whatever was missed.
  socket.on('connect', async () => {
    const answer = await socket
      .timeout(5000)
      .emitWithAck('join', { bookingId, version: version() })
      .catch(() => ({ ok: false }));
    if (answer.ok) take(answer.snapshot);
  });
  socket.on('booking', take);
  socket.on('line', (line) => {
    const mayConcernUs = seq <= line.front || seq <= (line.soldOut?.throughSeq ?? 0);
    if (mayConcernUs && line.version > version()) ask().catch(() => {});
  });

  return {
    async next(seen) {
      while (latest === seen) {
        const news = new Promise((resolve) => (wake = resolve));
        const timeout = new AbortController();
        const overdue = sleep(ASK_EVERY_MS, true, { signal: timeout.signal }).catch(() => false);
        const isOverdue = await Promise.race([news, overdue]);
        timeout.abort();
        if (isOverdue === true) await ask();
      }
      return latest;
    },
    close: () => socket.disconnect(),
  };
}

const accepted = await call('POST', `${server}/api/bookings`, {
  key: randomUUID(),
  body: { userId, eventId, ticketType },
});
const place = await accepted.json();
console.log(`in line as number ${place.seq}, at position ${place.position}`);

const line = follow(place);
const paymentKey = randomUUID();
let booking = null;
let hasPaid = false;
try {
  do {
    booking = await line.next(booking);
    const { state, reason, position, progress, deadline } = booking;
    if (state === 'waiting') console.log(`waiting at position ${position}`);
    else console.log(`${state}, ${progress} %`);
    if (state === 'held' && !hasPaid) {
      console.log(`our turn: paying before ${deadline}`);
      await call('POST', place.links.payment, {
        token: place.token,
        key: paymentKey,
        body: { paymentMethod },
      });
      hasPaid = true;
    } else if (state === 'held' && reason !== null) {
      // Back in its hold: the bank refused. Who has no other card lets the next in line have it.
      console.error(`not paid: ${reason}`);
      await call('DELETE', place.links.self, { token: place.token });
    }
  } while (!SETTLED.has(booking.state));
} finally {
  line.close();
}

if (booking.state !== 'confirmed') {
  console.error(`no ticket: ${booking.state}${booking.reason ? ` (${booking.reason})` : ''}`);
  process.exit(1);
}
const pdf = await call('GET', place.links.ticket, { token: place.token });
const file = `ticket-${place.bookingId}.pdf`;
await writeFile(file, Buffer.from(await pdf.arrayBuffer()));
console.log(`saved ${file}`);
