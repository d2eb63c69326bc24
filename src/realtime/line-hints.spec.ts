import fc from 'fast-check';
import { decodeHints, encodeHints, MAX_PAYLOAD_BYTES } from './line-hints.js';

describe('line hints', () => {
  it('come back as they were, in payloads that a notification takes', () => {
    const hints = fc.array(fc.tuple(fc.string({ unit: 'grapheme', maxLength: 200 }), fc.nat()), {
      maxLength: 300,
    });
    fc.assert(
      fc.property(hints, (pairs) => {
        const newest = new Map(pairs);
        const payloads = encodeHints(newest);
        for (const payload of payloads)
          expect(Buffer.byteLength(payload)).toBeLessThanOrEqual(MAX_PAYLOAD_BYTES);
        const back = payloads.flatMap(decodeHints).map(({ offerId, version }) => [offerId, version]);
        expect(back).toEqual([...newest]);
      }),
      { numRuns: 50 },
    );
  });

  it.each(['', 'nonsense', '{}', 'null', '[1,2]', '[["a"]]', '[[1,"a"]]', '[null]'])(
    '%j from somebody else is no hint',
    (payload) => {
      expect(decodeHints(payload)).toEqual([]);
    },
  );
});
