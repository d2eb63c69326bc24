import type { Actor } from '../../booking/booking.js';
import type { Ledger } from '../../booking/ledger/ledger.js';
import type { DueQuestion } from '../../booking/ledger/tellings.js';
import type { Night, Offer, RoomOffer, TicketOffer } from '../../booking/ledger/types.js';
import { dateOf, dayNumber } from '../../common/days.js';
import type { Metrics } from '../../metrics/metrics.js';
import { RemoteError } from '../../remote/remotes.js';
import { Chore } from '../chore.js';
import type { TicketService } from './ticket-service.js';
import { unitsOf } from './units.js';

/** An offer is asked about so long before it opens, so that there is time to look why the two differ. */
const AHEAD_MS = 60_000;
const LOOK_EVERY_MS = 2000;
const OFFERS_AT_ONCE = 20;
/** Of a room offer, so many runs of nights that we have equally many rooms of. */
const MOST_RUNS = 60;
const DAY_MS = 86_400_000;

/** An answer that is not what our ledger says. */
export interface Difference {
  readonly ours: number;
  /** A number of units, or the code with which the question was refused. */
  readonly theirs: number | string;
  /** The nights that it is about; absent of tickets. */
  readonly checkIn?: string;
  readonly checkOut?: string;
}

interface Question {
  readonly units: object;
  readonly ours: number;
  readonly nights?: { readonly checkIn: string; readonly checkOut: string };
}

export interface AskerParts {
  readonly tickets: TicketService;
  readonly ledger: Pick<Ledger, 'dueQuestions' | 'recordAnswer' | 'offer' | 'offerNights'>;
  readonly metrics: Pick<Metrics, 'differed'>;
  readonly actor: Actor;
  /** Hears of answers that differ from the ledger. */
  readonly differs: (offerId: string, differences: readonly Difference[]) => void;
  readonly failed: (error: unknown) => void;
  /** In ms since 1970. */
  readonly now?: () => number;
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
    const offer = await ledger.offer(due.offerId);
    if (offer === null) return;
    const questions = await this.questionsOf(offer);
    const differences: Difference[] = [];
    for (const question of questions) {
      const theirs = await this.answerTo(question, signal);
      if (theirs !== question.ours) differences.push({ ours: question.ours, theirs, ...question.nights });
    }
    const detail = { service: 'ticket', asked: questions.length, differences };
    const isFirst = await ledger.recordAnswer(due, detail, actor);
    if (!isFirst || differences.length === 0) return;
    metrics.differed(differences.length);
    differs(offer.id, differences);
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

  private async questionsOf(offer: Offer): Promise<readonly Question[]> {
    return offer.kind === 'ticket' ? [ticketQuestion(offer)] : await this.roomQuestions(offer);
  }

  private async roomQuestions(offer: RoomOffer): Promise<readonly Question[]> {
    const { firstNight, lastNight } = offer;
    if (firstNight === null || lastNight === null) return [];
    const today = dateOf(Math.floor((this.parts.now ?? Date.now)() / DAY_MS));
    const from = firstNight > today ? firstNight : today;
    const nights = from > lastNight ? [] : await this.parts.ledger.offerNights(offer.id, from, lastNight);
    return runsOf(nights ?? [], offer.maxNights)
      .slice(0, MOST_RUNS)
      .map(({ first, last, available }) => {
        const nights = { checkIn: first, checkOut: dateOf(dayNumber(last) + 1) };
        return { units: unitsOf({ ...offer, ...nights }, Math.max(1, available)), ours: available, nights };
      });
  }
}

const ticketQuestion = (offer: TicketOffer): Question => ({
  units: unitsOf(offer, Math.max(1, offer.stock.available)),
  ours: offer.stock.available,
});

interface Run {
  readonly first: string;
  readonly last: string;
  readonly available: number;
}

/** Consecutive nights with equally many rooms, as stays no longer than the offer takes. */
function runsOf(nights: readonly Night[], most: number): Run[] {
  const runs: Run[] = [];
  for (const { night, available } of nights) {
    const run = runs.at(-1);
    const joins =
      run !== undefined &&
      run.available === available &&
      dayNumber(night) === dayNumber(run.last) + 1 &&
      dayNumber(night) - dayNumber(run.first) < most;
    if (joins) runs[runs.length - 1] = { ...run, last: night };
    else runs.push({ first: night, last: night, available });
  }
  return runs;
}
