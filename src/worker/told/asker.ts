import type { Actor } from '../../booking/booking.js';
import type { Ledger } from '../../booking/ledger/ledger.js';
import type { DueQuestion } from '../../booking/ledger/tellings.js';
import type { Metrics } from '../../metrics/metrics.js';
import { RemoteError } from '../../remote/remotes.js';
import { Chore } from '../chore.js';
import { questionsAbout, type Question } from './questions.js';
import type { TicketService } from './ticket-service.js';

/** An offer is asked about so long before it opens, so that there is time to look why the two differ. */
const AHEAD_MS = 60_000;
const LOOK_EVERY_MS = 2000;
const OFFERS_AT_ONCE = 20;

/** An answer that is not what our ledger says. */
export interface Difference {
  readonly ours: number;
  /** A number of units, or the code with which the question was refused. */
  readonly theirs: number | string;
  /** The nights that it is about; absent of tickets. */
  readonly checkIn?: string;
  readonly checkOut?: string;
}

export interface AskerParts {
  readonly tickets: TicketService;
  readonly ledger: Pick<Ledger, 'dueQuestions' | 'recordAnswer' | 'offer' | 'offerNights'>;
  readonly metrics: Pick<Metrics, 'differed'>;
  readonly actor: Actor;
  /** Hears of answers that differ from the ledger. */
  readonly differs: (offerId: string, differences: readonly Difference[]) => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Asks the ticket service about each offer a minute before it opens, or once it is there. The answer opens and stops
 * nothing: where it differs from the ledger that is told to whoever runs the sale. In every worker at once.
 */
export class Asker {
  private readonly chore: Chore;

  constructor(private readonly parts: AskerParts) {
    this.chore = new Chore(LOOK_EVERY_MS, (signal) => this.round(signal), parts.failed);
  }

  start(): void {
    this.chore.start();
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    await this.chore.stop();
  }

  private async round(signal: AbortSignal): Promise<void> {
    for (const question of await this.parts.ledger.dueQuestions(AHEAD_MS, OFFERS_AT_ONCE)) {
      try {
        await this.ask(question, signal);
      } catch (error) {
        signal.throwIfAborted();
        // asked again at its time
        this.parts.failed(error);
      }
    }
  }

  private async ask(due: DueQuestion, signal: AbortSignal): Promise<void> {
    const { ledger, metrics, actor, differs } = this.parts;
    const { offerId } = due;
    const before = await this.questions(offerId);
    const answers: Difference[] = [];
    for (const question of before) {
      answers.push({
        ours: question.ours,
        theirs: await this.answerTo(question, signal),
        ...question.nights,
      });
    }
    // Once a sale is on, the other side hears of it a moment later: only what nobody has touched can be compared.
    const untouched = sameOf(before, await this.questions(offerId));
    const differences = answers.filter((one) => one.theirs !== one.ours && untouched.has(keyOf(one)));
    const detail = { service: 'ticket', asked: answers.length, differences };
    const isFirst = await ledger.recordAnswer(due, detail, actor);
    if (!isFirst || differences.length === 0) return;
    metrics.differed(differences.length);
    differs(offerId, differences);
  }

  private async questions(offerId: string): Promise<readonly Question[]> {
    const { ledger } = this.parts;
    const offer = await ledger.offer(offerId);
    if (offer === null) return [];
    return questionsAbout(offer, (id, first, last) => ledger.offerNights(id, first, last), Date.now());
  }

  /** A number of units, or the code of a refusal: that is an answer too. @throws RemoteError where there is none */
  private async answerTo(question: Question, signal: AbortSignal): Promise<number | string> {
    try {
      return await this.parts.tickets.unitsAvailable(question, signal);
    } catch (error) {
      if (error instanceof RemoteError && error.outcome === 'refused') return error.code ?? error.status;
      throw error;
    }
  }
}

const keyOf = ({ ours, checkIn, checkOut }: Omit<Difference, 'theirs'>): string =>
  [ours, checkIn, checkOut].join();

/** Keys of what was whole before and is now, in the same number. */
function sameOf(before: readonly Question[], now: readonly Question[]): ReadonlySet<string> {
  const whole = (questions: readonly Question[]): string[] =>
    questions.filter(({ isWhole }) => isWhole).map(({ ours, nights }) => keyOf({ ours, ...nights }));
  const still = new Set(whole(now));
  return new Set(whole(before).filter((key) => still.has(key)));
}
