import { Acceptances } from '../../src/booking/acceptance.js';
import { AdmissionHints } from '../../src/booking/admission-hints.js';
import type { Ledger } from '../../src/booking/ledger/ledger.js';
import { NoMetrics } from '../../src/metrics/metrics.js';
import { Notifier } from '../../src/realtime/notifier.js';
import { MAX_LENGTH } from './ledger.js';

class NobodyToTell extends Notifier {
  readonly connected = true;
  bookings(): void {}
  progress(): void {}
  line(): void {}
  async close(): Promise<void> {}
}

/** The door of one api process onto a ledger; its hints go nowhere. */
export function doorOf(ledger: Ledger, limits: { maxBatch?: number; maxLength?: number } = {}): Acceptances {
  const hints = new AdmissionHints({ publish: async () => undefined }, () => undefined);
  return new Acceptances(ledger, hints, new NobodyToTell(), new NoMetrics(), {
    accept: { maxBatch: limits.maxBatch ?? 1000, maxPending: 100_000, maxWaitMs: 60_000 },
    line: { maxLength: limits.maxLength ?? MAX_LENGTH, holdSeconds: 600 },
  });
}
