// Joins a line by gRPC, watches the place in it as a stream, pays when it is our turn.
//
//   FAIRLINE_GRPC=127.0.0.1:50051 node examples/grpc-client.mjs fan-1 summer-night standing
//
// Needs Node 20, @grpc/grpc-js and @grpc/proto-loader. FAIRLINE_CA names the certificate authority of a server that
// speaks TLS; without it the connection is plain, as outside production. Exit code 0: the booking is confirmed.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { credentials, loadPackageDefinition, Metadata, status } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const server = process.env.FAIRLINE_GRPC ?? '127.0.0.1:50051';
const authority = process.env.FAIRLINE_CA;
const paymentMethod = process.env.PAYMENT_METHOD ?? 'pm_ok';
const [userId = 'fan-1', eventId = 'summer-night', ticketType = 'standing'] = process.argv.slice(2);

const SETTLED = new Set(['CONFIRMED', 'EXPIRED', 'CANCELLED', 'SOLD_OUT', 'REFUNDED']);
/** What may go well the next time: nobody there, too many at once, no answer in time. */
const MAY_WORK = new Set([status.UNAVAILABLE, status.RESOURCE_EXHAUSTED, status.DEADLINE_EXCEEDED]);
const ATTEMPTS = 10;
const CALL_MS = 10_000;

const definition = loadSync('fairline/v1/booking.proto', {
  includeDirs: [fileURLToPath(new URL('../proto/', import.meta.url))],
  enums: String,
  longs: Number,
});
const { BookingService } = loadPackageDefinition(definition).fairline.v1;
const channel = authority ? credentials.createSsl(readFileSync(authority)) : credentials.createInsecure();
const bookings = new BookingService(server, channel);

const bearing = (token) => {
  const metadata = new Metadata();
  if (token) metadata.set('authorization', `Bearer ${token}`);
  return metadata;
};

/** One call and its answer, each with a deadline; sent again as long as that may help. */
async function call(method, request, token) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await new Promise((resolve, reject) => {
        const options = { deadline: Date.now() + CALL_MS };
        bookings[method](request, bearing(token), options, (error, answer) =>
          error ? reject(error) : resolve(answer),
        );
      });
    } catch (error) {
      if (!MAY_WORK.has(error.code) || attempt === ATTEMPTS) throw error;
      await pause(error, attempt);
    }
  }
}

/** As long as the server says; where it does not, longer each time, and not in step with everybody else. */
async function pause(error, attempt) {
  const [retryAfter] = error.metadata?.get('retry-after') ?? [];
  const seconds = retryAfter ? Number(retryAfter) * (1 + Math.random() / 4) : 0.1 * 2 ** attempt;
  await sleep(seconds * 1000);
}

/** The booking as it is and after each change, until it is settled; a stream that breaks off is taken up again. */
async function* watch(bookingId, token) {
  let version = 0;
  for (let attempt = 1; ; attempt++) {
    const stream = bookings.WatchBooking({ bookingId, version }, bearing(token));
    try {
      for await (const { booking } of stream) {
        attempt = 0;
        version = booking.version;
        yield { ...booking, state: booking.state.replace('BOOKING_STATE_', '') };
      }
      return;
    } catch (error) {
      if (!MAY_WORK.has(error.code) || attempt >= ATTEMPTS) throw error;
      await pause(error, attempt);
    } finally {
      stream.cancel();
    }
  }
}

async function main() {
  const tickets = { eventId, ticketType };
  const joining = { request: { userId, units: { tickets } }, idempotencyKey: randomUUID() };
  const { acceptance } = await call('ReserveBooking', joining);
  const { bookingId, token, seq, position } = acceptance;
  console.log(`in line as number ${seq}, at position ${position}`);

  const idempotencyKey = randomUUID();
  let hasPaid = false;
  for await (const booking of watch(bookingId, token)) {
    const { state, reason, progress } = booking;
    console.log(state === 'WAITING' ? `waiting at position ${booking.position}` : `${state}, ${progress} %`);
    if (state === 'HELD' && !hasPaid) {
      await call('ConfirmBooking', { bookingId, paymentMethod, idempotencyKey }, token);
      hasPaid = true;
    } else if (state === 'HELD' && reason) {
      // Back in its hold: the bank refused. The hold runs out, or another card may be tried until then.
      throw new Error(`not paid: ${reason}`);
    }
    if (!SETTLED.has(state)) continue;
    if (state !== 'CONFIRMED') throw new Error(`no ticket: ${state}${reason ? ` (${reason})` : ''}`);
    console.log(`ticket ${booking.ticketCodes.join(', ')}`);
    return;
  }
}

try {
  await main();
} catch (error) {
  // A refusal has a code that never changes its meaning; docs/errors.md has them all.
  const [code = status[error.code]] = error.metadata?.get('fairline-code') ?? [];
  console.error([code, error.details ?? error.message].filter(Boolean).join(': '));
  process.exitCode = 1;
} finally {
  bookings.close();
}
