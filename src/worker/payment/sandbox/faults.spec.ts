import fc from 'fast-check';
import { planCharge, type SandboxSettings } from './faults.js';

const quiet: SandboxSettings = { delayMs: 0, declineRate: 0, errorRate: 0, unknownRate: 0 };
const wild: SandboxSettings = { delayMs: 0, declineRate: 1, errorRate: 1, unknownRate: 1 };
const captures = { delayMs: 0, arrives: 'now', answer: 'bank', declineReason: null };
/** Gives the numbers in turn, then fails the test by being asked for more. */
const sequence = (...numbers: number[]) => {
  return (): number => {
    const next = numbers.shift();
    if (next === undefined) throw new Error('More chance was asked for than expected');
    return next;
  };
};

describe('the sandbox plans a charge', () => {
  it('as a plain capture for any method while no share is set', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1 }).filter((method) => !method.startsWith('pm_')),
        (method) => {
          expect(planCharge(method, quiet, () => 0)).toEqual(captures);
        },
      ),
    );
  });

  it('by its magic method alone, whatever the shares say', () => {
    expect(planCharge('pm_ok', wild, sequence())).toEqual(captures);
    expect(planCharge('pm_timeout_late', wild, sequence())).toEqual({
      ...captures,
      arrives: 'late',
      answer: 'unknown',
    });
  });

  it('with the configured delay added to that of the method', () => {
    expect(planCharge('pm_slow', { ...quiet, delayMs: 30 }, sequence()).delayMs).toBe(2030);
    expect(planCharge('visa', { ...quiet, delayMs: 30 }, () => 0.5).delayMs).toBe(30);
  });

  it('as declined, failed or unknown by the configured shares', () => {
    const shares = { ...quiet, declineRate: 0.1, errorRate: 0.2, unknownRate: 0.3 };
    expect(planCharge('visa', shares, sequence(0.1, 0.2, 0.3))).toEqual(captures);
    expect(planCharge('visa', shares, sequence(0.09, 0.9, 0.9))).toMatchObject({
      declineReason: 'card_declined',
    });
    expect(planCharge('visa', shares, sequence(0.5, 0.19, 0.4))).toMatchObject({
      answer: 'error',
      arrives: 'now',
    });
    expect(planCharge('visa', shares, sequence(0.5, 0.19, 0.6))).toMatchObject({
      answer: 'error',
      arrives: 'never',
    });
    expect(planCharge('visa', shares, sequence(0.5, 0.5, 0.2, 0.1))).toMatchObject({
      answer: 'unknown',
      arrives: 'now',
    });
    expect(planCharge('visa', shares, sequence(0.5, 0.5, 0.2, 0.5))).toMatchObject({
      answer: 'unknown',
      arrives: 'late',
    });
    expect(planCharge('visa', shares, sequence(0.5, 0.5, 0.2, 0.9))).toMatchObject({
      answer: 'unknown',
      arrives: 'never',
    });
  });
});
