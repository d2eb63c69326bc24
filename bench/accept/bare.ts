import { fastify } from 'fastify';
import { randomUUID } from 'node:crypto';

/**
 * The floor to compare with: a route that parses the same body and answers, and does nothing else. No schema, no
 * database, no token.
 */
const app = fastify();
const booking = randomUUID();
let position = 0;
app.post('/api/bookings', (_request, reply) => {
  position++;
  return reply.code(202).send({
    bookingId: booking,
    jobId: `fulfil-${booking}`,
    offerId: 'bench-standing-00000000',
    seq: position,
    state: 'waiting',
    position,
    estimatedWaitSeconds: 1,
    version: position,
    token: `bt_${booking}.0000000000000000000000`,
    links: {
      self: `http://127.0.0.1:3000/api/bookings/${booking}`,
      payment: `http://127.0.0.1:3000/api/bookings/${booking}/payment`,
      ticket: `http://127.0.0.1:3000/api/bookings/${booking}/ticket.pdf`,
    },
  });
});
process.stdout.write(`${await app.listen({ host: '127.0.0.1', port: 0 })}\n`);
