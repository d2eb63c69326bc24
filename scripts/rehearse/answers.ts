import { STATES, type BookingState } from '../../src/booking/booking.js';

/** What a client makes of a snapshot; the rest of it is for people. */
export interface Shown {
  readonly bookingId: string;
  readonly seq: number;
  readonly state: BookingState;
  readonly reason: string | null;
  readonly position: number | null;
  readonly version: number;
  readonly progress: number;
  /** Time left to pay when the server answered, in ms; null where no hold runs. */
  readonly holdMs: number | null;
  readonly ticketCodes: readonly string[];
}

/** The answer to a request to join the line. */
export interface Accepted {
  readonly bookingId: string;
  readonly seq: number;
  readonly position: number;
  readonly version: number;
  readonly token: string;
}

/** The server answered something that it has not promised. */
export class BrokenPromise extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BrokenPromise';
  }
}

type Fields = Readonly<Record<string, unknown>>;

/** @throws BrokenPromise where a field is missing or of another type */
export function readShown(body: unknown): Shown {
  const fields = object(body);
  return {
    bookingId: text(fields, 'bookingId'),
    seq: number(fields, 'seq'),
    state: state(fields),
    reason: fields['reason'] === null ? null : text(fields, 'reason'),
    position: fields['position'] === null ? null : number(fields, 'position'),
    version: number(fields, 'version'),
    progress: number(fields, 'progress'),
    holdMs: fields['deadline'] === null ? null : instant(fields, 'deadline') - instant(fields, 'serverTime'),
    ticketCodes: texts(fields, 'ticketCodes'),
  };
}

/** @throws BrokenPromise where a field is missing or of another type */
export function readAccepted(body: unknown): Accepted {
  const fields = object(body);
  if (fields['state'] !== 'waiting')
    throw new BrokenPromise(`an acceptance in state ${String(fields['state'])}`);
  return {
    bookingId: text(fields, 'bookingId'),
    seq: number(fields, 'seq'),
    position: number(fields, 'position'),
    version: number(fields, 'version'),
    token: text(fields, 'token'),
  };
}

/** The stable code of a problem document, or the status where there is none. */
export function problemCode(status: number, body: unknown): string {
  const code = typeof body === 'object' && body !== null && 'code' in body ? body.code : undefined;
  return typeof code === 'string' ? code : `HTTP_${status}`;
}

export function object(body: unknown): Fields {
  if (typeof body !== 'object' || body === null)
    throw new BrokenPromise(`not a JSON object: ${String(body)}`);
  return Object.fromEntries(Object.entries(body));
}

export function text(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string')
    throw new BrokenPromise(`${name} is not a text but ${JSON.stringify(value)}`);
  return value;
}

export function number(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value !== 'number')
    throw new BrokenPromise(`${name} is not a number but ${JSON.stringify(value)}`);
  return value;
}

function texts(fields: Fields, name: string): string[] {
  const value = fields[name];
  if (!Array.isArray(value)) throw new BrokenPromise(`${name} is not a list but ${JSON.stringify(value)}`);
  return value.map(String);
}

function instant(fields: Fields, name: string): number {
  const value = Date.parse(text(fields, name));
  if (Number.isNaN(value)) throw new BrokenPromise(`${name} is not a time`);
  return value;
}

function state(fields: Fields): BookingState {
  const value = text(fields, 'state');
  const found = STATES.find((known) => known === value);
  if (found === undefined) throw new BrokenPromise(`state is ${value}`);
  return found;
}
