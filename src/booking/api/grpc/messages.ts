import type { LineEvent } from '../../../realtime/events.js';
import type { BookingSnapshot, BookingState, Stay } from '../../booking.js';

/** Answers as messages of `proto/fairline/v1`. What is null here is absent there. */

interface Timestamp {
  readonly seconds: number;
  readonly nanos: number;
}

/** @param iso as the ledger has times */
export function timestamp(iso: string): Timestamp {
  const ms = Date.parse(iso);
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: (ms - seconds * 1000) * 1_000_000 };
}

export const stateName = (state: BookingState): string => `BOOKING_STATE_${state.toUpperCase()}`;

const stayMessage = ({ checkIn, checkOut, begins }: Stay): object => ({
  checkIn,
  checkOut,
  begins: timestamp(begins),
});

export type Message = Readonly<Record<string, unknown>>;

export function bookingMessage(snapshot: BookingSnapshot): Message {
  const { state, stay, deadline, acceptedAt, serverTime, ...rest } = snapshot;
  return present({
    ...rest,
    state: stateName(state),
    stay: stay === null ? null : stayMessage(stay),
    deadline: deadline === null ? null : timestamp(deadline),
    acceptedAt: timestamp(acceptedAt),
    serverTime: timestamp(serverTime),
  });
}

export const lineMessage = ({
  offerId,
  version,
  waiting,
  front,
  last,
  grantsPerMinute,
  stock,
}: LineEvent): Message => ({ offerId, version, waiting, front, last, grantsPerMinute, stock });

const present = (members: Message): Message =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null));
