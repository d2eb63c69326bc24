import { CASES, raced } from './races.js';

jest.setTimeout(120_000);

/** `npm run test:long` does the same a thousand times. */
const REPETITIONS = Number(process.env['RACE_REPETITIONS'] ?? 50);

describe('Whoever comes first, every charge has exactly one outcome and every invariant holds', () => {
  it.each(CASES)('$name ($bank)', async ({ race, bank }) => {
    const { left, right } = await raced(race, bank, REPETITIONS);
    expect(left + right).toBe(REPETITIONS);
  });
});
