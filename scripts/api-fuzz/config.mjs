// The configuration of one run of Schemathesis.

/** How often what exists is asked for, instead of what is made up. */
const KNOWN = 0.7;
/** Walks from what is made to what can be done with it are short, and many end at once. */
const WALKS = 5;

/**
 * As TOML.
 * @param {object} stage what there is
 * @param {string | null} token sent with every request
 * @param {string} hooks
 * @param {number} examples made up for each operation and phase
 */
export function configuration(stage, token, hooks, examples) {
  const dictionaries = {
    bookings: stage.bookings,
    offers: [...stage.offers, ...stage.rooms],
    rooms: stage.rooms,
    codes: stage.codes,
    letters: stage.letters,
    events: stage.events,
    ticketTypes: ['standing'],
    ...stage.stay,
    customers: stage.customers,
    methods: ['pm_ok', 'pm_decline'],
  };
  const known = (where, dictionary) =>
    `${quoted(where)} = { dictionary = "${dictionary}", probability = ${KNOWN} }`;
  const operations = [
    ['^/api/(admin/)?bookings/\\{id\\}', [known('path.id', 'bookings')]],
    ['^/api/offers/\\{id\\}$', [known('path.id', 'offers')]],
    ['^/api/offers/\\{id\\}/nights', [known('path.id', 'rooms')]],
    ['^/api/tickets/', [known('path.code', 'codes')]],
    ['^/api/admin/dead-letters/', [known('path.id', 'letters')]],
  ];
  const lines = [
    `hooks = ${quoted(hooks)}`,
    ...(token === null ? [] : ['[headers]', `Authorization = ${quoted(`Bearer ${token}`)}`]),
    // Nothing outlives a run.
    ...['[cache]', 'enabled = false', '[generation]', 'database = "none"', `max-examples = ${examples}`],
    ...['[phases.stateful.generation]', `max-examples = ${examples * WALKS}`],
    '[parameters]',
    ...[known('body.userId', 'customers'), known('query.userId', 'customers')],
    ...[known('body.eventId', 'events'), known('body.ticketType', 'ticketTypes')],
    ...[known('body.hotelId', 'hotels'), known('body.roomType', 'roomTypes')],
    ...[known('body.checkIn', 'arrivals'), known('body.checkOut', 'departures')],
    ...[known('body.paymentMethod', 'methods')],
    ...[known('query.offerId', 'offers'), known('query.bookingId', 'bookings')],
    ...Object.entries(dictionaries).flatMap(([name, values]) => [
      `[dictionaries.${name}]`,
      `values = [${values.map(quoted).join(', ')}]`,
    ]),
    ...operations.flatMap(([path, parameters]) => [
      '[[operations]]',
      `include-path-regex = ${quoted(path)}`,
      '[operations.parameters]',
      ...parameters,
    ]),
  ];
  return `${lines.join('\n')}\n`;
}

/** A string of JSON is one of TOML. */
const quoted = (text) => JSON.stringify(text);
