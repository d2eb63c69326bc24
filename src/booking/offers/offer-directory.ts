import { AppError } from '../../common/errors.js';

/** What the directory asks of the ledger. */
export interface OfferReader {
  offersOfEvent(eventId: string): Promise<readonly { readonly id: string; readonly ticketType: string }[]>;
}

interface Entry {
  readonly offers: readonly { readonly id: string; readonly ticketType: string }[];
  readonly until: number;
}

const FRESH_MS = 1000;
/** Events in memory; beyond it the directory starts anew, so that requests for made-up events cost no memory. */
const MAX_EVENTS = 10_000;

/**
 * Which offer a request means. An offer's event and type never change, so that a found one may be remembered;
 * whether it is on sale is the ledger's to say.
 */
export class OfferDirectory {
  private readonly events = new Map<string, Entry>();
  private readonly reading = new Map<string, Promise<Entry>>();

  constructor(
    private readonly reader: OfferReader,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** The offer's id where it is known already, else a promise of it. Throws and rejects alike. */
  resolve(eventId: string, ticketType: string | undefined): string | Promise<string> {
    const entry = this.events.get(eventId);
    if (entry !== undefined) {
      if (ticketType !== undefined) {
        const known = entry.offers.find((offer) => offer.ticketType === ticketType);
        if (known !== undefined) return known.id;
      }
      if (entry.until > this.now()) return choose(entry, ticketType);
    }
    return this.read(eventId).then((fresh) => choose(fresh, ticketType));
  }

  private read(eventId: string): Promise<Entry> {
    let reading = this.reading.get(eventId);
    if (reading === undefined) {
      reading = this.reader
        .offersOfEvent(eventId)
        .then((offers) => {
          const entry = { offers, until: this.now() + FRESH_MS };
          if (this.events.size >= MAX_EVENTS) this.events.clear();
          this.events.set(eventId, entry);
          return entry;
        })
        .finally(() => this.reading.delete(eventId));
      this.reading.set(eventId, reading);
    }
    return reading;
  }
}

function choose({ offers }: Entry, ticketType: string | undefined): string {
  if (ticketType !== undefined) {
    const found = offers.find((offer) => offer.ticketType === ticketType);
    if (found === undefined) throw new AppError('OFFER_NOT_FOUND');
    return found.id;
  }
  const [only, ...others] = offers;
  if (only === undefined) throw new AppError('OFFER_NOT_FOUND');
  if (others.length > 0) {
    throw new AppError('OFFER_TYPE_REQUIRED', undefined, {
      ticketTypes: offers.map((offer) => offer.ticketType),
    });
  }
  return only.id;
}
