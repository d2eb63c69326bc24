// The configuration of one run of Schemathesis.

/** How often what exists is asked for, instead of what is made up. */
const KNOWN = 0.7;
/** What is wrong is refused with; 413 too, since a body that is too large is not read to its end. */
const REFUSALS = [400, 401, 403, 404, 405, 409, 413, 415, 422, 429];
/** Walks from what is made to what can be done with it are short, and many end at once. */
const WALKS = 5;

/** Two customers, for Web Fuzzing Commons: what the first one reads, the other must not. */
export const peers = (tokens) =>
  JSON.stringify({
    auth: Object.entries(tokens).map(([name, token]) => ({
      name,
      fixedHeaders: [{ name: 'Authorization', value: `Bearer ${token}` }],
    })),
  });

/**
 * As TOML.
 * @param {object} stage what there is
 * @param {object} caller
 * @param {string | null} caller.token sent with every request
 * @param {{ file: string, names: string[] }} [caller.peers] customers, the first of whom asks
 * @param {string[]} [caller.bookings] those that it asks for, others than all
 * @param {string} hooks
 * @param {number} examples made up for each operation and phase
 */
export function configuration(stage, { token, peers = null, bookings = stage.bookings }, hooks, examples) {
  const dictionaries = {
    bookings,
    ...{ held: stage.held, paid: stage.paid, kept: stage.kept },
    offers: [...stage.offers, ...stage.rooms],
    rooms: stage.rooms,
    codes: stage.codes,
    ...{ replayed: stage.replayed, discarded: stage.discarded },
    // Most of what is asked for is to be had, so that there is something to go on with.
    events: [...stage.events.map(() => stage.events[0]), ...stage.events],
    ticketTypes: ['standing'],
    ...stage.stay,
    customers: stage.customers,
    methods: ['pm_ok', 'pm_decline'],
  };
  const known = (where, dictionary) =>
    `${quoted(where)} = { dictionary = "${dictionary}", probability = ${KNOWN} }`;
  const operations = [
    ['^/api/bookings/\\{id\\}$', [known('path.id', 'bookings')]],
    ['/payment$', [known('path.id', 'held')]],
    ['/refund$', [known('path.id', 'paid')]],
    ['/ticket.pdf$', [known('path.id', 'kept')]],
    ['^/api/offers/\\{id\\}$', [known('path.id', 'offers')]],
    ['^/api/offers/\\{id\\}/nights', [known('path.id', 'rooms')]],
    ['^/api/tickets/', [known('path.code', 'codes')]],
    ['/replay$', [known('path.id', 'replayed')]],
    ['/discard$', [known('path.id', 'discarded')]],
  ];
  const lines = [
    `hooks = ${quoted(hooks)}`,
    // A busy machine is no finding.
    ...['request-timeout = 60', 'suppress-health-check = ["too_slow"]'],
    ...(token === null ? [] : ['[headers]', `Authorization = ${quoted(`Bearer ${token}`)}`]),
    ...(peers === null
      ? []
      : ['[auth.wfc]', `path = ${quoted(peers.file)}`, `user = ${quoted(peers.names[0])}`].concat(
          `peers = [${peers.names.map(quoted).join(', ')}]`,
        )),
    // Nothing outlives a run.
    ...['[cache]', 'enabled = false', '[generation]', 'database = "none"', `max-examples = ${examples}`],
    // The document says what leads on to what; guesses would begin with what needs something that nothing makes.
    ...['[phases.stateful.inference]', 'algorithms = []'],
    ...['[phases.stateful.generation]', `max-examples = ${examples * WALKS}`],
    ...['[checks.negative_data_rejection]', `expected-statuses = [${REFUSALS.join(', ')}]`],
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
