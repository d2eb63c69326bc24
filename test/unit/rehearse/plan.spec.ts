import { drawPlans, wantsTicket, type Shares } from '../../../scripts/rehearse/plan.js';
import { seededRandom, shuffled } from '../../../scripts/rehearse/random.js';

const shares: Shares = {
  clients: 1000,
  noShow: 0.2,
  decline: 0.05,
  leave: 0.05,
  duplicate: 0.1,
  sockets: 0.25,
  prepaid: 0.5,
  holdSeconds: 5,
  seed: 7,
  kind: 'ticket',
  nights: 30,
};
const count = (shown: readonly boolean[]): number => shown.filter(Boolean).length;

describe('the plan of a crowd', () => {
  it('is the same for the same seed and another for another', () => {
    expect(drawPlans(shares)).toEqual(drawPlans(shares));
    expect(drawPlans({ ...shares, seed: 8 })).not.toEqual(drawPlans(shares));
  });

  it('asks for stays within the nights on sale, and for tickets where tickets are sold', () => {
    const stays = drawPlans({ ...shares, kind: 'hotel', nights: 9 }).map(({ stay }) => stay);
    for (const stay of stays) {
      expect(stay).toMatchObject({ first: expect.any(Number), last: expect.any(Number) });
      expect(stay?.first).toBeGreaterThanOrEqual(0);
      expect(stay?.last).toBeGreaterThanOrEqual(stay?.first ?? NaN);
      expect(stay?.last).toBeLessThan(9);
      expect([1, 2]).toContain(stay?.rooms);
    }
    expect(new Set(stays.map((stay) => JSON.stringify(stay))).size).toBeGreaterThan(30);
    expect(drawPlans(shares).every(({ stay }) => stay === null)).toBe(true);
  });

  it('meets every share exactly', () => {
    const plans = drawPlans(shares);
    const kinds = (kind: string): number => count(plans.map(({ behaviour }) => behaviour.kind === kind));
    expect(plans).toHaveLength(1000);
    expect([kinds('no-show'), kinds('declined'), kinds('leaves'), kinds('pays')]).toEqual([200, 50, 50, 700]);
    expect(count(plans.map(({ duplicate }) => duplicate))).toBe(100);
    expect(count(plans.map(({ transport }) => transport === 'socket'))).toBe(250);
  });

  it('lets nobody who means not to pay name a payment method up front', () => {
    const prepaid = drawPlans({ ...shares, prepaid: 1 }).filter((plan) => plan.prepaid);
    expect(new Set(prepaid.map(({ behaviour }) => behaviour.kind))).toEqual(new Set(['pays']));
  });

  it('counts those who pay in the end as wanting a ticket, and nobody else', () => {
    const wanting = drawPlans(shares).filter(wantsTicket);
    expect(new Set(wanting.map(({ behaviour }) => behaviour.kind))).toEqual(new Set(['pays', 'declined']));
    expect(
      wanting.some(({ behaviour }) => behaviour.kind === 'declined' && behaviour.then === 'leaves'),
    ).toBe(false);
  });
});

describe('seededRandom', () => {
  it('gives numbers from 0 up to 1 that fill the range evenly', () => {
    const random = seededRandom(1);
    const tenths = new Array<number>(10).fill(0);
    for (let drawn = 0; drawn < 10_000; drawn += 1) {
      const tenth = Math.floor(random() * 10);
      tenths[tenth] = (tenths[tenth] ?? Number.NaN) + 1;
    }
    expect(tenths).toHaveLength(10);
    for (const times of tenths) expect(Math.abs(times - 1000)).toBeLessThan(150);
  });

  it('shuffles without losing anybody', () => {
    const items = Array.from({ length: 100 }, (_, index) => index);
    const mixed = shuffled(items, seededRandom(3));
    expect(mixed).not.toEqual(items);
    expect([...mixed].sort((a, b) => a - b)).toEqual(items);
  });
});
