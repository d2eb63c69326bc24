/**
 * The catalogue of everything that Fairline refuses, and why.
 *
 * A code is a promise to clients: it never changes its meaning. `docs/errors.md` is generated from this
 * table and a test compares the two. `status` is the HTTP status that the problem filter answers with.
 */
export const ERRORS = {
  // what was sent
  VALIDATION_FAILED: { status: 400, title: 'The request is not valid' },
  MALFORMED_BODY: { status: 400, title: 'The body is not the JSON that this route takes' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'The body must be application/json' },
  PAYLOAD_TOO_LARGE: { status: 413, title: 'The body is too large' },
  NOT_FOUND: { status: 404, title: 'There is no such thing here' },
  REQUEST_TIMEOUT: { status: 408, title: 'The request took too long to arrive' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'This route does not take that method' },
  WEBHOOK_SIGNATURE_INVALID: { status: 400, title: 'The signature of this event is not valid' },
  // who sent it
  UNAUTHENTICATED: { status: 401, title: 'A valid token is required' },
  FORBIDDEN: { status: 403, title: 'This token does not allow that' },
  CHALLENGE_REQUIRED: { status: 403, title: 'Solve the challenge first, and send what you get for it' },
  CHALLENGE_FAILED: { status: 403, title: 'The challenge was not solved' },
  USER_MISMATCH: { status: 403, title: 'The token belongs to another user' },
  RATE_LIMITED: { status: 429, title: 'Too many requests, try again later' },
  // what is on sale
  OFFER_NOT_FOUND: { status: 404, title: 'There is no such offer' },
  OFFER_TYPE_REQUIRED: { status: 400, title: 'There are several types: name one' },
  OFFER_EXISTS: { status: 409, title: 'There is an offer of this name and type already' },
  OFFER_NOT_OPEN: { status: 425, title: 'The sale has not opened yet' },
  OFFER_PAUSED: { status: 409, title: 'The sale is paused' },
  OFFER_CLOSED: { status: 409, title: 'The sale is closed' },
  SOLD_OUT: { status: 409, title: 'Sold out' },
  LIMIT_PER_CUSTOMER: { status: 409, title: 'This is more than one customer may book' },
  CHECK_IN_PAST: { status: 409, title: 'The check-in of that day is over' },
  TOO_FAR_AHEAD: { status: 409, title: 'Stays are booked a year ahead at most' },
  STAY_TOO_SHORT: { status: 409, title: 'The stay has fewer nights than the offer asks for' },
  STAY_TOO_LONG: { status: 409, title: 'The stay has more nights than the offer allows' },
  NIGHT_NOT_ON_SALE: { status: 409, title: 'One of the nights is not on sale' },
  OTHERS_FIRST: { status: 503, title: 'Some who wait come first, try again shortly' },
  LINE_FULL: { status: 503, title: 'The line is full, try again later' },
  OVERLOADED: { status: 503, title: 'Too many requests at once, try again shortly' },
  OFFER_INVALID: { status: 400, title: 'The terms of the offer contradict one another' },
  CAPACITY_BELOW_SOLD: { status: 409, title: 'More units than that are held or sold' },
  // one booking
  BOOKING_NOT_FOUND: { status: 404, title: 'There is no such booking' },
  IDEMPOTENCY_KEY_REUSED: { status: 422, title: 'This Idempotency-Key was used with another body' },
  IDEMPOTENCY_KEY_INVALID: { status: 400, title: 'The Idempotency-Key is not valid' },
  NOT_HELD: { status: 409, title: 'The booking has no hold to pay for' },
  HOLD_EXPIRED: { status: 409, title: 'The time to pay is over' },
  PAYMENT_IN_PROGRESS: { status: 409, title: 'A payment is under way' },
  ALREADY_SETTLED: { status: 409, title: 'The booking is settled' },
  NOT_PAID: { status: 409, title: 'The booking has not been paid for' },
  NOT_REFUNDABLE: { status: 409, title: 'The terms of the booking allow no refund' },
  TICKET_NOT_READY: { status: 409, title: 'The ticket has not been issued yet' },
  // one ticket
  TICKET_NOT_FOUND: { status: 404, title: 'There is no such ticket' },
  TICKET_ALREADY_REDEEMED: { status: 409, title: 'The ticket has been used already' },
  TICKET_REVOKED: { status: 409, title: 'The ticket has been revoked' },
  // operators
  DEAD_LETTER_NOT_FOUND: { status: 404, title: 'There is no such dead letter' },
  DEAD_LETTER_RESOLVED: { status: 409, title: 'The dead letter has been dealt with already' },
  BOOKINGS_OPEN: { status: 409, title: 'Bookings of this customer are not over yet' },
  QUEUE_UNAVAILABLE: { status: 503, title: 'The broker of the queue does not answer' },
  BOARD_READ_ONLY: { status: 403, title: 'The board of the queue shows, and changes nothing' },
  // the house itself
  NOT_SERVED_HERE: { status: 501, title: 'This process does not do that: ask one whose role does' },
  UNAVAILABLE: { status: 503, title: 'A part that this needs is not available' },
  INTERNAL: { status: 500, title: 'Something went wrong on our side' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** What a client may be told beyond code and title; shown as members of the problem document. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/** A refusal with a stable code. Filters turn it into a problem document; a worker reads its code. */
export class AppError extends Error {
  constructor(
    readonly code: ErrorCode,
    /** One sentence for a person, about this occurrence; never personal data. */
    readonly detail?: string,
    readonly details: ErrorDetails = {},
    options?: ErrorOptions,
  ) {
    super(detail === undefined ? ERRORS[code].title : detail, options);
    this.name = 'AppError';
  }
}
