import { randomUUID } from 'node:crypto';
import type { Acceptance, AcceptRequest, NewRoomOffer, RoomOffer } from '../../src/booking/ledger/types.js';
import { ACTOR, accepted, MAX_LENGTH, requestFor, type TestLedger } from './ledger.js';

const DAY_MS = 86_400_000;

/** The date so many days from today, by UTC, as `YYYY-MM-DD`. */
export const dayFromNow = (days: number): string =>
  new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10);

/** The first of the nights that the offers here have on sale; night 1 is this one. */
export const FIRST_NIGHT = 10;
export const night = (number: number): string => dayFromNow(FIRST_NIGHT + number - 1);

/** Rooms on sale for the nights 1 to `nights`, so many each, with sensible rules but for those named. */
export async function newRooms(
  { ledger }: Pick<TestLedger, 'ledger'>,
  nights: number,
  capacity: number,
  rules: Partial<NewRoomOffer> = {},
): Promise<RoomOffer> {
  const id = rules.id ?? randomUUID();
  const offer = await ledger.createRoomOffer(
    {
      id,
      hotelId: id,
      roomType: 'double',
      title: 'Grand Hotel',
      venue: 'Lakeside 1',
      timeZone: 'UTC',
      checkInTime: '15:00',
      checkOutTime: '11:00',
      minNights: 1,
      maxNights: 30,
      price: { amountMinor: 9000, currency: 'EUR' },
      opensAt: null,
      closesAt: null,
      holdSeconds: 600,
      limitPerCustomer: 10,
      maxQuantity: 10,
      nights: [{ from: night(1), to: night(nights), capacity }],
      ...rules,
    },
    null,
    ACTOR,
  );
  if (offer.kind !== 'room') throw new Error('not a room offer');
  return offer;
}

/** The nights `first` to `last`, both included. */
export function stayFor(
  offerId: string,
  [first, last]: readonly [first: number, last: number],
  named: Partial<AcceptRequest> = {},
): AcceptRequest {
  return requestFor(offerId, { stay: { firstNight: night(first), lastNight: night(last) }, ...named });
}

/** Accepts these stays in one batch, in this order. */
export async function acceptStays(
  { ledger }: Pick<TestLedger, 'ledger'>,
  offerId: string,
  stays: readonly (readonly [first: number, last: number])[],
  named: Partial<AcceptRequest> = {},
): Promise<Acceptance[]> {
  const { outcomes } = await ledger.acceptStays(
    stays.map((stay) => stayFor(offerId, stay, named)),
    MAX_LENGTH,
  );
  return outcomes.map(accepted);
}
