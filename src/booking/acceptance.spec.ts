import { AppError } from '../common/errors.js';
import { Database } from '../database/database.js';
import { NoMetrics } from '../metrics/metrics.js';
import { Notifier, type LineHint } from '../realtime/notifier.js';
import { Acceptances } from './acceptance.js';
import { AdmissionHints } from './admission-hints.js';
import { Ledger } from './ledger/ledger.js';
import type { AcceptOutcome, AcceptRequest, AcceptResult, LineChange } from './ledger/types.js';

class Told extends Notifier {
  readonly connected = true;
  readonly hints: LineHint[] = [];
  bookings(): void {}
  progress(): void {}
  line(hint: LineHint): void {
    this.hints.push(hint);
  }
  async close(): Promise<void> {}
}

/** A ledger whose acceptances are made up; it connects to nothing. */
class MadeUpLedger extends Ledger {
  constructor(override readonly accept: (batch: readonly AcceptRequest[]) => Promise<AcceptResult>) {
    super(new Database('postgres://nowhere', 1));
  }
}

/** A door onto a ledger that answers as it is told and remembers the batches. */
function door(answer: (request: AcceptRequest, seq: number) => AcceptOutcome | Error = enter): {
  door: Acceptances;
  batches: string[][];
  told: Told;
  admitted: string[];
} {
  const batches: string[][] = [];
  const admitted: string[] = [];
  const told = new Told();
  let seq = 0;
  const accept = async (batch: readonly AcceptRequest[]): Promise<AcceptResult> => {
    batches.push(batch.map(({ bookingId }) => bookingId));
    await new Promise((resolve) => setImmediate(resolve));
    const outcomes = batch.map((request) => {
      const outcome = answer(request, ++seq);
      if (outcome instanceof Error) throw outcome;
      return outcome;
    });
    const lines: LineChange[] = [{ offerId: 'offer', version: seq, wantsAdmission: true }];
    return { outcomes, lines };
  };
  const hints = new AdmissionHints(
    {
      publish: async (jobs) => {
        for (const { type } of jobs) admitted.push(type);
      },
    },
    () => undefined,
  );
  const config = {
    accept: { maxBatch: 100, maxPending: 100, maxWaitMs: 1000 },
    line: { maxLength: 10, holdSeconds: 60 },
  };
  return {
    door: new Acceptances(new MadeUpLedger(accept), hints, told, new NoMetrics(), config),
    batches,
    told,
    admitted,
  };
}

const enter = ({ bookingId, offerId }: AcceptRequest, seq: number): AcceptOutcome => ({
  ...{
    accepted: true,
    bookingId,
    offerId,
    seq,
    position: seq,
    estimatedWaitSeconds: 0,
    version: seq,
    fresh: true,
  },
});

const request = (bookingId: string, named: Partial<AcceptRequest> = {}): AcceptRequest => ({
  ...{ bookingId, offerId: 'offer', customerId: bookingId, quantity: 1, email: null, paymentMethod: null },
  ...{ idempotencyKey: null, bodyHash: '', actor: { kind: 'customer', id: bookingId, correlationId: 'c' } },
  ...named,
});
const stays = (): boolean => false;

describe('The door', () => {
  it('answers all who came at once from one batch, then tells of the line once', async () => {
    const { door: at, batches, told, admitted } = door();
    const answers = await Promise.all([at.accept(request('a'), stays), at.accept(request('b'), stays)]);
    expect(answers.map(({ seq }) => seq)).toEqual([1, 2]);
    expect(batches).toEqual([['a', 'b']]);
    expect(told.hints).toEqual([{ offerId: 'offer', version: 2, wantsAdmission: true }]);
    await at.drain();
    expect(admitted).toEqual(['booking.admit']);
  });

  it('puts two requests of one customer for one offer into two batches', async () => {
    const { door: at, batches } = door();
    const same = { customerId: 'customer' };
    await Promise.all(['a', 'b'].map((id) => at.accept(request(id, same), stays)));
    expect(batches).toEqual([['a'], ['b']]);
  });

  it('gives equal requests under one key one answer, and sends another body to the ledger', async () => {
    const { door: at, batches } = door();
    const keyed = { customerId: 'customer', idempotencyKey: 'key', bodyHash: 'aa' };
    const answers = await Promise.all([
      at.accept(request('a', keyed), stays),
      at.accept(request('b', keyed), stays),
      at.accept(request('c', { ...keyed, bodyHash: 'bb' }), stays),
      at.accept(request('d', { ...keyed, customerId: 'another' }), stays),
    ]);
    expect(answers.map(({ bookingId }) => bookingId)).toEqual(['a', 'a', 'c', 'd']);
    expect(batches).toEqual([['a', 'd'], ['c']]);
  });

  it('keeps a shared request while anybody waits for it, and drops it when all have gone', async () => {
    const keyed = { customerId: 'customer', idempotencyKey: 'key', bodyHash: 'aa' };
    const gone = (): boolean => true;
    const shared = door();
    const first = shared.door.accept(request('a', keyed), gone);
    await Promise.all([first, shared.door.accept(request('b', keyed), stays)]);
    expect(shared.batches).toEqual([['a']]);

    const left = door();
    await expect(left.door.accept(request('a', keyed), gone)).rejects.toMatchObject({ code: 'OVERLOADED' });
    expect(left.batches).toEqual([]);
    // What was dropped is forgotten: the next with this key starts anew.
    expect((await left.door.accept(request('b', keyed), stays)).bookingId).toBe('b');
  });

  it('turns a refusal into an error with its code and details, and tells nobody of it', async () => {
    const { door: at, told } = door(() => ({
      accepted: false,
      code: 'LINE_FULL',
      details: { retryAfterSeconds: 10 },
    }));
    await expect(at.accept(request('a'), stays)).rejects.toMatchObject({
      code: 'LINE_FULL',
      details: { retryAfterSeconds: 10 },
    });
    expect(told.hints).toEqual([]);
  });

  it('lets one request whose data cannot be stored fail alone', async () => {
    const data = Object.assign(new Error('numeric value out of range'), { code: '22003' });
    const { door: at } = door((sent, seq) => (sent.bookingId === 'c' ? data : enter(sent, seq)));
    const answers = await Promise.allSettled(['a', 'b', 'c', 'd'].map((id) => at.accept(request(id), stays)));
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
  });

  it('fails a whole batch where the database is away', async () => {
    const { door: at } = door(() => new AppError('UNAVAILABLE'));
    const answers = await Promise.allSettled(['a', 'b'].map((id) => at.accept(request(id), stays)));
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});
