import type { Booking, Stay } from '../../booking/booking.js';
import type { Attempt, Fulfilment, OfferFacts } from '../../booking/ledger/types.js';
import { ValidateStep } from './validate.step.js';

const BEGINS = '2027-06-12T18:00:00.000Z';
const BEFORE = '2027-06-12T17:59:59.999Z';
const price = { amountMinor: 9000, currency: 'EUR' };
const where = { id: 'offer', title: 't', venue: 'v', timeZone: 'UTC' };
const event: OfferFacts = {
  ...where,
  kind: 'ticket',
  eventId: 'event',
  ticketType: 'standing',
  startsAt: BEGINS,
};
const hotel: OfferFacts = {
  ...where,
  kind: 'room',
  hotelId: 'hotel',
  roomType: 'double',
  checkInTime: '18:00',
  checkOutTime: '11:00',
};
const stay: Stay = { checkIn: '2027-06-12', checkOut: '2027-06-14', begins: BEGINS };

function fulfilment(offer: OfferFacts, change: Partial<Attempt> = {}): Fulfilment {
  const attempt: Attempt = {
    ...{ bookingId: 'b', fence: 2, providerKey: 'b.2', amount: price, method: 'pm_ok' },
    ...{ state: 'started', startedAt: BEFORE, ageMs: 5, ...change },
  };
  return { booking: bookingOf(offer), attempt, succeeded: new Set(), offer, tickets: [] };
}

const bookingOf = (offer: OfferFacts): Booking => ({
  ...{ id: 'b', offerId: 'offer', seq: 1, customerId: 'c', quantity: 2, state: 'paying', reason: null },
  ...{ fence: 2, version: 3, progress: 0, deadline: null, price, email: null, jobId: 'fulfil-b' },
  ...{ correlationId: 'k', acceptedAt: BEFORE, acceptedPosition: 1, acceptedWaitSeconds: 0 },
  stay: offer.kind === 'room' ? stay : null,
});

describe('Validation before a charge', () => {
  let rejected: string[];
  let settled: string[];
  const step = new ValidateStep(
    {
      recordStep: (_id, _step, progress) => Promise.resolve({ ...bookingOf(event), progress }),
      reject: (_id, _fence, reason) => {
        rejected.push(reason);
        return Promise.resolve(null);
      },
      recordCharge: () => Promise.resolve(null),
    },
    {
      settle: ({ key }) => {
        settled.push(key);
        return Promise.resolve({ kind: 'voided' });
      },
    },
    { tell: () => undefined },
    { kind: 'system', id: 'worker', correlationId: 'k' },
  );
  const run = async (of: Fulfilment) => (await step.run(of, new AbortController().signal)).kind;
  beforeEach(() => {
    rejected = [];
    settled = [];
  });

  it('goes on where the payment began before the event or the stay', async () => {
    for (const offer of [event, hotel]) expect(await run(fulfilment(offer))).toBe('succeeded');
    expect(settled).toEqual([]);
  });

  it('rejects a payment that began no earlier than what it is for, once the provider has voided it', async () => {
    for (const offer of [event, hotel]) {
      expect(await run(fulfilment(offer, { startedAt: BEGINS }))).toBe('moved');
    }
    expect(rejected).toEqual(['EVENT_HAS_BEGUN', 'STAY_HAS_BEGUN']);
    expect(settled).toEqual(['b.2', 'b.2']);
  });

  it('rejects a payment of another amount than the price', async () => {
    await run(fulfilment(hotel, { amount: { ...price, amountMinor: 4500 } }));
    expect(rejected).toEqual(['PRICE_MISMATCH']);
  });
});
