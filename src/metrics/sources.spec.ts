import fc from 'fast-check';
import type { LineState } from '../booking/ledger/types.js';
import { isBroken, listed } from './sources.js';

const units = fc.nat({ max: 1000 });
const line = (offerId: string, waiting: number, stock: LineState['stock']): LineState => ({
  offerId,
  version: 1,
  lastSeq: waiting,
  front: 1,
  waiting,
  holdSeconds: 120,
  grantsPerMinute: 1,
  stock,
  nights: null,
  soldOut: null,
  now: '2030-01-01T00:00:00.000Z',
});
const lines = fc
  .uniqueArray(fc.string({ minLength: 1, maxLength: 4 }), { maxLength: 30 })
  .chain((ids) =>
    fc.tuple(
      ...ids.map((id) =>
        fc
          .tuple(units, units, units, units)
          .map(([waiting, available, held, sold]) =>
            line(id, waiting, { capacity: available + held + sold, available, held, sold }),
          ),
      ),
    ),
  );
const total = (of: readonly { waiting: number; stock: LineState['stock'] }[]): number[] =>
  of.reduce(
    (sum, { waiting, stock }) =>
      [waiting, stock.capacity, stock.available, stock.held, stock.sold].map((n, i) => n + (sum[i] ?? 0)),
    [0, 0, 0, 0, 0],
  );

describe('the offers that metrics name', () => {
  it('are bounded, and what is beyond the bound is counted together: nothing is left out', () => {
    fc.assert(
      fc.property(lines, fc.integer({ min: 1, max: 10 }), (all, most) => {
        const shown = listed(all, most);
        expect(shown.length).toBeLessThanOrEqual(most + 1);
        expect(total(shown)).toEqual(total(all));
      }),
    );
  });

  it('are those with the longest lines', () => {
    const stock = { capacity: 1, available: 1, held: 0, sold: 0 };
    const shown = listed([line('a', 1, stock), line('b', 9, stock), line('c', 5, stock)], 2);
    expect(shown.map(({ offer, waiting }) => [offer, waiting])).toEqual([
      ['b', 9],
      ['c', 5],
      ['other', 1],
    ]);
  });
});

describe('F1 of one offer', () => {
  it('is broken when units do not add up or one count is negative', () => {
    const of = (capacity: number, available: number, held: number, sold: number): boolean =>
      isBroken({ stock: { capacity, available, held, sold } });
    expect(of(10, 5, 3, 2)).toBe(false);
    expect(of(10, 5, 3, 3)).toBe(true);
    expect(of(10, 11, -1, 0)).toBe(true);
  });
});
