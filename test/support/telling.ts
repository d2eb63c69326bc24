import type { Telling } from '../../src/booking/ledger/tellings.js';

/** The first telling of a booking, with whatever else is said of it. */
export const telling = (more: Partial<Telling> = {}): Telling => ({
  bookingId: 'one',
  kind: 'reserve',
  fence: 1,
  customerId: 'fan',
  isErased: false,
  quantity: 1,
  stay: null,
  offer: {
    id: 'offer',
    kind: 'ticket',
    eventId: 'event',
    ticketType: 'standing',
    title: 'Night',
    venue: 'Here',
    timeZone: 'UTC',
    startsAt: '2999-01-01T00:00:00.000Z',
  },
  correlationId: 'correlation',
  tries: 1,
  refusals: 0,
  sentAgoMs: null,
  ...more,
});
