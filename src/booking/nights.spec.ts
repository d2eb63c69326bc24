import fc from 'fast-check';
import { dateOf, dayNumber } from '../common/days.js';
import { MAX_NIGHTS, nightsOf } from './nights.js';

const refused = (checkIn: string, checkOut: string): string[] => {
  try {
    nightsOf(checkIn, checkOut);
    return [];
  } catch (error) {
    if (!(error instanceof Error) || !('details' in error)) throw error;
    return (error.details as { errors: { field: string }[] }).errors.map(({ field }) => field);
  }
};

describe('The nights of a stay', () => {
  it('end with the one before the departure, over months and leap days', () => {
    expect(nightsOf('2028-02-27', '2028-03-01')).toEqual({
      firstNight: '2028-02-27',
      lastNight: '2028-02-29',
    });
    expect(nightsOf('2027-12-31', '2028-01-01')).toEqual({
      firstNight: '2027-12-31',
      lastNight: '2027-12-31',
    });
  });

  it('are refused with the field that is wrong', () => {
    expect(refused('2027-02-30', '2027-03-02')).toEqual(['checkIn']);
    expect(refused('2027-02-28', '2027-02-29')).toEqual(['checkOut']);
    expect(refused('2027-05-02', '2027-05-02')).toEqual(['checkOut']);
    expect(refused('2027-05-02', '2027-05-01')).toEqual(['checkOut']);
    expect(refused('2027-01-01', dateOf(dayNumber('2027-01-01') + MAX_NIGHTS + 1))).toEqual(['checkOut']);
    expect(refused('2027-01-01', dateOf(dayNumber('2027-01-01') + MAX_NIGHTS))).toEqual([]);
  });

  it('count days as they are', () => {
    fc.assert(
      fc.property(fc.integer({ min: 10_957, max: 376_000 }), (day) => {
        expect(dayNumber(dateOf(day))).toBe(day);
      }),
    );
  });
});
