import { AppError } from '../common/errors.js';
import { GroupCommit } from '../common/group-commit.js';
import { TransientMap } from '../common/transient-map.js';
import type { Config } from '../config/config.js';
import { sqlState } from '../database/database.js';
import type { Metrics } from '../metrics/metrics.js';
import type { Notifier } from '../realtime/notifier.js';
import type { AdmissionHints } from './admission-hints.js';
import type { Ledger } from './ledger/ledger.js';
import type { Acceptance, AcceptOutcome, AcceptRequest, AcceptResult } from './ledger/types.js';

/** Classes of SQLSTATE that the data of one row causes: data exception, integrity constraint violation. */
const DATA_ERROR = /^2[23]/;

/** So many requests of one customer may wait for their commit in a process. */
const AT_ONCE_PER_CUSTOMER = 32;

interface UnderWay {
  readonly bodyHash: string;
  readonly answer: Promise<Acceptance>;
  readonly callers: (() => boolean)[];
}

/**
 * The door: requests go into the ledger in batches, each answered after its commit. One that equals a request still
 * under way (same customer, same key, same body) shares its answer.
 */
export class Acceptances {
  private readonly tickets: GroupCommit<AcceptRequest, AcceptOutcome>;
  /** Stays have a door of their own: another verb, and lines that no ticket stands in. */
  private readonly stays: GroupCommit<AcceptRequest, AcceptOutcome>;
  private readonly underWay = new TransientMap<string, UnderWay>();

  constructor(
    ledger: Ledger,
    private readonly hints: AdmissionHints,
    private readonly notifier: Notifier,
    private readonly metrics: Metrics,
    private readonly config: Pick<Config, 'accept' | 'line'>,
  ) {
    const { maxLength } = config.line;
    this.tickets = this.door((batch) => ledger.accept(batch, maxLength));
    this.stays = this.door((batch) => ledger.acceptStays(batch, maxLength));
  }

  /** @throws AppError with the code of the refusal */
  accept(request: AcceptRequest, isGone: () => boolean): Promise<Acceptance> {
    if (request.idempotencyKey === null) return this.enter(request, isGone);
    const key = keyOf(request.customerId, request.idempotencyKey);
    const known = this.underWay.get(key);
    if (known !== undefined && known.bodyHash === request.bodyHash) {
      known.callers.push(isGone);
      return known.answer;
    }
    const callers = [isGone];
    // It is dropped once nobody who sent it waits any more.
    const outcome = this.doorOf(request).submit(request, () => callers.every((gone) => gone()));
    const answer = this.answerOf(outcome, key, callers);
    this.underWay.set(key, { bodyHash: request.bodyHash, answer, callers });
    return answer;
  }

  /** Resolves once every request taken is answered. */
  async drain(): Promise<void> {
    await Promise.all([this.tickets.drain(), this.stays.drain()]);
    await this.hints.drain();
  }

  private door(
    verb: (batch: readonly AcceptRequest[]) => Promise<AcceptResult>,
  ): GroupCommit<AcceptRequest, AcceptOutcome> {
    return new GroupCommit({
      ...this.config.accept,
      maxPerKey: AT_ONCE_PER_CUSTOMER,
      commit: (batch) => this.commit(batch, verb),
      key: ({ customerId }) => customerId,
      blamesItem: (error) => DATA_ERROR.test(sqlState(error) ?? ''),
    });
  }

  private async enter(request: AcceptRequest, isGone: () => boolean): Promise<Acceptance> {
    return acceptanceOf(await this.doorOf(request).submit(request, isGone));
  }

  /** Under way until then. Not by the promise's own `finally`: each promise more is felt when a crowd comes. */
  private async answerOf(
    outcome: Promise<AcceptOutcome>,
    key: string,
    callers: UnderWay['callers'],
  ): Promise<Acceptance> {
    try {
      return acceptanceOf(await outcome);
    } finally {
      if (this.underWay.get(key)?.callers === callers) this.underWay.delete(key);
    }
  }

  private doorOf({ stay }: AcceptRequest): GroupCommit<AcceptRequest, AcceptOutcome> {
    return stay === undefined ? this.tickets : this.stays;
  }

  private async commit(
    batch: readonly AcceptRequest[],
    verb: (batch: readonly AcceptRequest[]) => Promise<AcceptResult>,
  ): Promise<readonly AcceptOutcome[]> {
    const begun = performance.now();
    const { outcomes, lines } = await verb(batch);
    let fresh = 0;
    for (const outcome of outcomes) {
      if (!outcome.accepted) this.metrics.refused(outcome.code);
      else if (outcome.fresh) fresh++;
    }
    this.metrics.accepted(fresh, batch.length, (performance.now() - begun) / 1000);
    if (fresh > 0) {
      for (const line of lines) {
        this.hints.changed(line);
        this.notifier.line(line);
      }
    }
    return outcomes;
  }
}

function acceptanceOf(outcome: AcceptOutcome): Acceptance {
  if (!outcome.accepted) throw new AppError(outcome.code, undefined, outcome.details);
  return outcome;
}

// A key has no space in it.
const keyOf = (customerId: string, key: string): string => `${customerId} ${key}`;
