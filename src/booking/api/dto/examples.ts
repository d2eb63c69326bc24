/** Whole bodies of the OpenAPI document: they can be sent as they are. */
const PRICE = { amountMinor: 4900, currency: 'EUR' };
const SALE = { title: 'Summer Night', venue: 'Waldbühne, Berlin', timeZone: 'Europe/Berlin', price: PRICE };

export const NEW_OFFERS = {
  tickets: {
    summary: 'Tickets of an event',
    value: {
      ...SALE,
      ...{ eventId: 'summer-night', ticketType: 'balcony', startsAt: '2027-06-19T18:00:00Z', capacity: 500 },
    },
  },
  rooms: {
    summary: 'Rooms of a hotel',
    value: {
      ...{ hotelId: 'lakeside', roomType: 'suite', title: 'Hotel Lakeside', price: PRICE },
      ...{ timeZone: 'Europe/Vienna', cancellation: { refundable: true, untilHoursBeforeStart: 48 } },
      nights: [{ from: '2027-07-01', to: '2027-08-31', capacity: 12 }],
    },
  },
};

export const OFFER_CHANGES = {
  pause: { summary: 'Stop intake and grants', value: { paused: true } },
  resume: { summary: 'Go on', value: { paused: false } },
  price: { summary: 'Another price, for whoever comes from now on', value: { price: PRICE } },
};

export const JOINS = {
  tickets: {
    summary: 'Two tickets',
    value: { userId: 'fan-1', eventId: 'summer-night', ticketType: 'standing', quantity: 2 },
  },
  stay: {
    summary: 'A room for three nights, charged when it is held',
    value: {
      ...{ userId: 'guest-1', hotelId: 'lakeside', checkIn: '2027-07-01', checkOut: '2027-07-04' },
      ...{ paymentMethod: 'pm_ok', email: 'guest@example.org' },
    },
  },
};
