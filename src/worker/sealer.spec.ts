import type { AuditHead } from '../booking/ledger/audit.js';
import { Sealer } from './sealer.js';

const MINUTE_MS = 60_000;

describe('The sealer', () => {
  let now = 0;
  let sequence = 0;
  let batches: number[] = [];
  const told: number[] = [];
  const headAt = (number: number): AuditHead => ({
    ...{ sequence: number, digest: 'd', anchor: `${number}:d`, sealedAt: null, sealedThrough: null },
  });
  const sealer = new Sealer(
    {
      seal: () => {
        const sealed = batches.shift() ?? 0;
        if (sealed > 0) sequence++;
        return Promise.resolve(sealed);
      },
      auditHead: () => Promise.resolve(headAt(sequence)),
    },
    (head) => told.push(head.sequence),
    () => now,
  );
  const seal = async (afterMs: number, sealed: readonly number[]): Promise<void> => {
    now += afterMs;
    batches = [...sealed];
    await sealer.seal(new AbortController().signal);
  };

  it('tells where the chain stands at once, then at most once a minute, and only while it moves', async () => {
    await seal(0, [20_000, 7]);
    await seal(1000, [1]);
    await seal(MINUTE_MS - 2000, [1]);
    expect(told).toEqual([2]);
    await seal(1000, []);
    expect(told).toEqual([2, 4]);
    await seal(MINUTE_MS, []);
    await seal(MINUTE_MS, []);
    expect(told).toEqual([2, 4]);
    await seal(1, [1]);
    expect(told).toEqual([2, 4, 5]);
  });
});
