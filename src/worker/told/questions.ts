import type { Night, Offer, RoomOffer, StockCounts } from '../../booking/ledger/types.js';
import { dateOf, dayNumber } from '../../common/days.js';
import type { Asked } from './ticket-service.js';
import { unitsOf } from './units.js';

/** Of a room offer, so many runs of nights that we have equally many rooms of. */
const MOST_RUNS = 60;
const DAY_MS = 86_400_000;

/** What a ticket service is asked about an offer: of rooms one stay. */
export interface Question extends Asked {
  /** Nothing of it is held or sold yet. */
  readonly isWhole: boolean;
  /** Absent of tickets. */
  readonly nights?: { readonly checkIn: string; readonly checkOut: string };
}

/** Reads the nights of a room offer, both included, as `YYYY-MM-DD`. */
type ReadNights = (offerId: string, first: string, last: string) => Promise<readonly Night[] | null>;

/** @param nowMs since 1970 */
export async function questionsAbout(
  offer: Offer,
  readNights: ReadNights,
  nowMs: number,
): Promise<readonly Question[]> {
  if (offer.kind === 'room') return roomQuestions(offer, readNights, dateOf(Math.floor(nowMs / DAY_MS)));
  const ours = offer.stock.available;
  return [{ units: unitsOf(offer, Math.max(1, ours)), ours, isWhole: isWhole(offer.stock) }];
}

async function roomQuestions(offer: RoomOffer, readNights: ReadNights, today: string): Promise<Question[]> {
  const { firstNight, lastNight } = offer;
  if (firstNight === null || lastNight === null || lastNight < today) return [];
  const nights = await readNights(offer.id, firstNight > today ? firstNight : today, lastNight);
  return runsOf(nights ?? [], offer.maxNights)
    .slice(0, MOST_RUNS)
    .map(({ first, last, ...run }) => {
      const stay = { checkIn: first, checkOut: dateOf(dayNumber(last) + 1) };
      return { units: unitsOf({ ...offer, ...stay }, Math.max(1, run.ours)), nights: stay, ...run };
    });
}

interface Run {
  readonly first: string;
  readonly last: string;
  readonly ours: number;
  readonly isWhole: boolean;
}

/** Consecutive nights with equally many rooms, as stays no longer than the offer takes. */
function runsOf(nights: readonly Night[], most: number): Run[] {
  const runs: Run[] = [];
  for (const stock of nights) {
    const { night, available } = stock;
    const run = runs.at(-1);
    const joins =
      run?.ours === available &&
      run.isWhole === isWhole(stock) &&
      dayNumber(night) === dayNumber(run.last) + 1 &&
      dayNumber(night) - dayNumber(run.first) < most;
    if (joins) runs[runs.length - 1] = { ...run, last: night };
    else runs.push({ first: night, last: night, ours: available, isWhole: isWhole(stock) });
  }
  return runs;
}

const isWhole = ({ held, sold }: StockCounts): boolean => held === 0 && sold === 0;
