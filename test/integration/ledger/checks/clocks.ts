import { accepted, ACTOR, codeOf, MAX_LENGTH, newOffer, requestFor } from '../../../support/ledger.js';
import type { TestLedger } from '../../../support/ledger.js';
import { changesOf, justChanged } from '../../../support/clock-change.js';
import { dayFromNow, newRooms, stayFor } from '../../../support/stays.js';
import type { Acceptance, AcceptOutcome } from '../../../../src/booking/ledger/types.js';
import type { Checks } from './check.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** West and east of Greenwich, north and south of the equator, by an hour and by half of one. */
const PLACES = [
  'America/New_York',
  'America/St_Johns',
  'Europe/Berlin',
  'Australia/Lord_Howe',
  'Pacific/Auckland',
];
/** Where the wall stood ten minutes ago, in minutes of the day: all around the earth, and on both sides of midnight. */
const WALLS = [30, 6 * 60, 12 * 60, 18 * 60, 23 * 60 + 30];
const DIRECTIONS = [60, -60];

const dayAfter = (date: string, days: number): string =>
  new Date(Date.parse(`${date}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
/** When the wall there shows this. */
const momentOf = (date: string, time: string, east: number): string =>
  new Date(Date.parse(`${date}T${time}:00Z`) - east * MINUTE_MS).toISOString();

async function send(
  { ledger }: TestLedger,
  offerId: string,
  firstNight: string,
  lastNight: string,
): Promise<AcceptOutcome | undefined> {
  const request = { ...stayFor(offerId, [1, 1]), stay: { firstNight, lastNight } };
  return (await ledger.acceptStays([request], MAX_LENGTH)).outcomes[0];
}

async function join(world: TestLedger, offerId: string, first: string, last: string): Promise<Acceptance> {
  return accepted(await send(world, offerId, first, last));
}

export const clocks: Checks = {
  'a stay over a change of the clock has each of its nights once, and begins by the clock of that day':
    async (world) => {
      for (const timeZone of PLACES) {
        const changes = changesOf(timeZone);
        expect(changes.map(({ before, after }) => Math.sign(after - before)).sort()).toEqual([-1, 1]);
        for (const { date, before, after } of changes) {
          const [eve, next] = [dayAfter(date, -1), dayAfter(date, 1)];
          const { id } = await newRooms(world, 0, 0, {
            ...{ timeZone, cancellation: { refundable: true, untilHoursBeforeStart: 24 } },
            nights: [{ from: dayAfter(date, -3), to: dayAfter(date, 3), capacity: 2 }],
          });
          const over = await join(world, id, eve, next);
          const on = await join(world, id, date, date);
          await world.ledger.admit(id, ACTOR);
          const told = await Promise.all(
            [over, on].map(async ({ bookingId }) => (await world.ledger.booking(bookingId))?.booking),
          );
          expect({ timeZone, told }).toMatchObject({
            timeZone,
            told: [
              {
                stay: { checkIn: eve, checkOut: dayAfter(date, 2), begins: momentOf(eve, '15:00', before) },
                price: { amountMinor: 3 * 9000 },
              },
              {
                stay: { checkIn: date, checkOut: next, begins: momentOf(date, '15:00', after) },
                price: { amountMinor: 9000 },
              },
            ],
          });
          const nights = (await world.ledger.offerNights(id, dayAfter(date, -2), dayAfter(date, 2))) ?? [];
          expect(nights.map(({ night, held }) => [night, held])).toEqual([
            [dayAfter(date, -2), 0],
            [eve, 1],
            [date, 2],
            [next, 1],
            [dayAfter(date, 2), 0],
          ]);
          // A day before the beginning is 24 hours, whatever the wall shows then.
          const until = await world.sql<{ until: string }>(
            `select booking_terms_json(b)->>'refundableUntil' as until from booking b where id = $1`,
            [on.bookingId],
          );
          expect(Date.parse(momentOf(date, '15:00', after)) - Date.parse(until[0]?.until ?? '')).toBe(DAY_MS);
        }
      }
    },

  'a check-in at a time that the clock skips is as long after midnight, at one that comes twice it is the second':
    async (world) => {
      const timeZone = 'Europe/Berlin';
      for (const { date, after } of changesOf(timeZone)) {
        const { id } = await newRooms(world, 0, 0, {
          ...{ timeZone, checkInTime: '02:30' },
          nights: [{ from: date, to: date, capacity: 1 }],
        });
        const { bookingId } = await join(world, id, date, date);
        const skips = after > 60;
        expect((await world.ledger.booking(bookingId))?.booking.stay?.begins).toBe(
          momentOf(date, skips ? '03:30' : '02:30', after),
        );
      }
    },

  'the day of an event is that of its place, also on the day of a change': async (world) => {
    for (const timeZone of PLACES) {
      for (const { date, before, after } of changesOf(timeZone)) {
        for (const [time, east] of [
          ['00:15', before],
          ['23:45', after],
        ] as const) {
          const { id } = await newOffer(world, { timeZone, startsAt: momentOf(date, time, east) });
          const [stock] = await world.sql('select day::text from stock where offer_id = $1', [id]);
          expect({ timeZone, time, day: stock?.['day'] }).toEqual({ timeZone, time, day: date });
        }
      }
    }
  },

  'check-in has begun by the clock of the hotel, also right after that was put forward or back': async (
    world,
  ) => {
    const { id } = await newRooms(world, 0, 0, {
      nights: [{ from: dayFromNow(-2), to: dayFromNow(2), capacity: 99 }],
    });
    for (const wall of WALLS) {
      for (const by of DIRECTIONS) {
        const place = justChanged(wall, by);
        const ask = async (minutesFromNow: number): Promise<string> => {
          const { date, time } = place.wall(minutesFromNow);
          await world.sql('update offer set time_zone = $2, check_in_time = $3 where id = $1', [
            ...[id, place.timeZone, time],
          ]);
          return codeOf(await send(world, id, date, date));
        };
        const today = place.wall(0).date;
        const [past, ahead] = [await ask(-5), await ask(5)];
        const tooFar = await send(world, id, dayAfter(today, 367), dayAfter(today, 367));
        expect({
          ...{ wall, by, past, ahead, tooFar: codeOf(tooFar) },
          last: tooFar?.accepted === false ? tooFar.details['lastCheckIn'] : null,
        }).toEqual({
          ...{ wall, by, past: 'CHECK_IN_PAST', ahead: 'ACCEPTED', tooFar: 'TOO_FAR_AHEAD' },
          last: dayAfter(today, 366),
        });
      }
    }
  },

  'a sale opens and closes at moments, whatever the wall shows when its clock was put forward or back':
    async (world) => {
      const inMinutes = (minutes: number): string => new Date(Date.now() + minutes * MINUTE_MS).toISOString();
      for (const by of DIRECTIONS) {
        const { timeZone } = justChanged(10 * 60, by);
        const answer = async (opens: number | null, closes: number | null): Promise<string> => {
          const { id } = await newOffer(world, {
            opensAt: opens === null ? null : inMinutes(opens),
            closesAt: closes === null ? null : inMinutes(closes),
          });
          await world.sql('update offer set time_zone = $2 where id = $1', [id, timeZone]);
          return codeOf((await world.ledger.accept([requestFor(id)], MAX_LENGTH)).outcomes[0]);
        };
        // Half an hour away the wall shows, or showed, what it shows on the other side of the change as well.
        expect({
          by,
          answers: [
            ...[await answer(-30, null), await answer(30, null)],
            ...[await answer(null, 30), await answer(null, -30)],
          ],
        }).toEqual({ by, answers: ['ACCEPTED', 'OFFER_NOT_OPEN', 'ACCEPTED', 'OFFER_CLOSED'] });
      }
    },
};
