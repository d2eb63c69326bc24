import { AppError } from '../../common/errors.js';

interface Known {
  readonly id: string;
  /** A ticket type or a room type. */
  readonly type: string;
}

/** What the directory asks of the ledger: the offers of one event or hotel. */
export type ReadOffers = (groupId: string) => Promise<readonly Known[]>;

interface Entry {
  readonly offers: readonly Known[];
  readonly until: number;
}

const FRESH_MS = 1000;
/** Groups in memory; beyond it the directory starts anew, so that requests for made-up events cost no memory. */
const MAX_GROUPS = 10_000;

/**
 * Which offer of an event, or of a hotel, a request means. That never changes for an offer, so that a found one may be
 * remembered; whether it is on sale is the ledger's to say.
 */
export class OfferDirectory {
  private readonly groups = new Map<string, Entry>();
  private readonly reading = new Map<string, Promise<Entry>>();

  constructor(
    private readonly offersOf: ReadOffers,
    /** The member of a refusal that names the types to choose from. */
    private readonly typesMember: 'ticketTypes' | 'roomTypes',
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** The offer's id where it is known already, else a promise of it. Throws and rejects alike. */
  resolve(groupId: string, type: string | undefined): string | Promise<string> {
    const entry = this.groups.get(groupId);
    if (entry !== undefined) {
      if (type !== undefined) {
        const known = entry.offers.find((offer) => offer.type === type);
        if (known !== undefined) return known.id;
      }
      if (entry.until > this.now()) return this.choose(entry, type);
    }
    return this.read(groupId).then((fresh) => this.choose(fresh, type));
  }

  private read(groupId: string): Promise<Entry> {
    let reading = this.reading.get(groupId);
    if (reading === undefined) {
      reading = this.offersOf(groupId)
        .then((offers) => {
          const entry = { offers, until: this.now() + FRESH_MS };
          if (this.groups.size >= MAX_GROUPS) this.groups.clear();
          this.groups.set(groupId, entry);
          return entry;
        })
        .finally(() => this.reading.delete(groupId));
      this.reading.set(groupId, reading);
    }
    return reading;
  }

  private choose({ offers }: Entry, type: string | undefined): string {
    if (type !== undefined) {
      const found = offers.find((offer) => offer.type === type);
      if (found === undefined) throw new AppError('OFFER_NOT_FOUND');
      return found.id;
    }
    const [only, ...others] = offers;
    if (only === undefined) throw new AppError('OFFER_NOT_FOUND');
    if (others.length > 0) {
      throw new AppError('OFFER_TYPE_REQUIRED', undefined, {
        [this.typesMember]: offers.map((offer) => offer.type),
      });
    }
    return only.id;
  }
}

/** The two kinds of groups, each with names of its own. */
export class OfferDirectories {
  readonly events: OfferDirectory;
  readonly hotels: OfferDirectory;

  constructor(ledger: { offersOf(kind: 'ticket' | 'room', groupId: string): ReturnType<ReadOffers> }) {
    this.events = new OfferDirectory((eventId) => ledger.offersOf('ticket', eventId), 'ticketTypes');
    this.hotels = new OfferDirectory((hotelId) => ledger.offersOf('room', hotelId), 'roomTypes');
  }
}
