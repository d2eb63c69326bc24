import { stateName, timestamp } from '../../../grpc/values.js';
import type { LineEvent } from '../../../realtime/events.js';
import type { BookingSnapshot, Stay } from '../../booking.js';

/** Answers as messages of `proto/fairline/v1`. What is null here is absent there. */

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
