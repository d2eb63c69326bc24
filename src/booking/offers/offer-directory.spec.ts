import { OfferDirectory } from './offer-directory.js';

/** A directory over so many reads of one event's offers, with a clock of its own. */
function directory(reads: readonly (readonly string[])[]): {
  find: OfferDirectory;
  later(ms: number): void;
  reads(): number;
} {
  let now = 0;
  let count = 0;
  const read = async () => {
    const types = reads[Math.min(count++, reads.length - 1)] ?? [];
    return types.map((type) => ({ id: `offer-${type}`, type }));
  };
  return {
    find: new OfferDirectory(read, 'ticketTypes', () => now),
    later: (ms) => (now += ms),
    reads: () => count,
  };
}

describe('The directory of offers', () => {
  it('finds the one offer of an event without its type, and any by its type', async () => {
    const one = directory([['seat']]);
    expect(await one.find.resolve('event', undefined)).toBe('offer-seat');
    const two = directory([['seat', 'stand']]);
    expect(await two.find.resolve('event', 'stand')).toBe('offer-stand');
  });

  it('asks for the type where there are several, naming them', async () => {
    const { find } = directory([['seat', 'stand']]);
    await expect(find.resolve('event', undefined)).rejects.toMatchObject({
      code: 'OFFER_TYPE_REQUIRED',
      details: { ticketTypes: ['seat', 'stand'] },
    });
  });

  it('answers what it knows at once, and reads once for all who ask at the same time', async () => {
    const { find, reads } = directory([['seat']]);
    await Promise.all([find.resolve('event', 'seat'), find.resolve('event', undefined)]);
    expect(find.resolve('event', 'seat')).toBe('offer-seat');
    expect(reads()).toBe(1);
  });

  it('finds an offer that was added, though it had seen the event without', async () => {
    const { find, later } = directory([['seat'], ['seat', 'stand']]);
    await find.resolve('event', 'seat');
    later(1001);
    expect(await find.resolve('event', 'stand')).toBe('offer-stand');
    await expect(async () => find.resolve('event', undefined)).rejects.toMatchObject({
      code: 'OFFER_TYPE_REQUIRED',
    });
  });

  it('refuses what is not there, and asks again once a second at most', async () => {
    const { find, later, reads } = directory([[], ['seat']]);
    await expect(async () => find.resolve('event', undefined)).rejects.toMatchObject({
      code: 'OFFER_NOT_FOUND',
    });
    await expect(async () => find.resolve('event', 'seat')).rejects.toMatchObject({
      code: 'OFFER_NOT_FOUND',
    });
    expect(reads()).toBe(1);
    later(1001);
    expect(await find.resolve('event', 'seat')).toBe('offer-seat');
  });

  it('remembers no failure', async () => {
    let failing = true;
    const find = new OfferDirectory(async () => {
      if (failing) throw new Error('the database is away');
      return [{ id: 'offer-seat', type: 'seat' }];
    }, 'ticketTypes');
    await expect(async () => find.resolve('event', undefined)).rejects.toThrow('away');
    failing = false;
    expect(await find.resolve('event', undefined)).toBe('offer-seat');
  });
});
