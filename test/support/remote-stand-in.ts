import {
  Metadata,
  Server,
  ServerCredentials,
  status,
  type ServerUnaryCall,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { freePort } from '../../src/database/embedded/free-port.js';
import { contract, PACKAGE, SERVICES, type ServiceName } from '../../src/grpc/contract.js';

type Json = ReturnType<typeof JSON.parse>;

/** What the stand-in does with a call. `lost`: it does what it was asked, and nobody hears of it. */
export type Fate = 'done' | 'lost' | 'unheard' | { readonly status: status; readonly code?: string };

export interface Told {
  readonly method: string;
  readonly request: Json;
  readonly authorization: string | undefined;
}

const RANK: Readonly<Record<string, number>> = { Reserve: 1, Confirm: 2, Release: 3 };
const STATES = [
  '',
  'RESERVATION_STATE_RESERVED',
  'RESERVATION_STATE_CONFIRMED',
  'RESERVATION_STATE_RELEASED',
];

/** A reservation as the stand-in has it; each effect happens once, however often it is told. */
interface Reservation {
  readonly effects: string[];
  rank: number;
  fence: number;
  quantity: number;
}

/**
 * Other services than Fairline, at one address: what they were told, and faults at will. They keep what they know when
 * they are stopped, as if they had a database.
 */
export class RemoteStandIn {
  readonly told: Told[] = [];
  readonly reservations = new Map<string, Reservation>();
  /** By idempotency key: the bookings of the booking service. */
  readonly bookings = new Map<string, { bookingId: string; state: string; userId: string }>();
  unitsAvailable: (units: Json) => number = () => 0;
  allows: (request: Json) => Json = () => ({ allowed: true, quota: 10, remaining: 9 });
  fate: (told: Told) => Fate = () => 'done';
  private server: Server | null = null;

  private constructor(
    readonly port: number,
    private readonly credentials: ServerCredentials,
  ) {}

  static async start(credentials = ServerCredentials.createInsecure()): Promise<RemoteStandIn> {
    const standIn = new RemoteStandIn(await freePort(), credentials);
    await standIn.start();
    return standIn;
  }

  get url(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Idempotent. */
  async start(): Promise<void> {
    if (this.server !== null) return;
    const server = new Server();
    const services = contract();
    for (const name of SERVICES) {
      const definition = services[`${PACKAGE}.${name}`];
      if (definition === undefined || !isService(definition)) throw new Error(`no ${name}`);
      server.addService(
        definition,
        Object.fromEntries(
          Object.keys(definition).map((method) => [method, this.handler(name, method)] as const),
        ),
      );
    }
    await new Promise<void>((done, failed) =>
      server.bindAsync(this.url, this.credentials, (error) => (error === null ? done() : failed(error))),
    );
    this.server = server;
  }

  /** Every connection breaks off. Idempotent. */
  stop(): void {
    this.server?.forceShutdown();
    this.server = null;
  }

  calls(method: string): Json[] {
    return this.told.filter((call) => call.method === method).map(({ request }) => request);
  }

  /** The effects on a booking, in their order. */
  effects(bookingId: string): readonly string[] {
    return this.reservations.get(bookingId)?.effects ?? [];
  }

  private handler(service: ServiceName, method: string) {
    return (call: ServerUnaryCall<Json, Json>, answer: sendUnaryData<Json>): void => {
      const [authorization] = call.metadata.get('authorization');
      const told = { method, request: call.request, authorization: authorization?.toString() };
      this.told.push(told);
      const fate = this.fate(told);
      if (fate === 'unheard') return;
      if (typeof fate === 'object') {
        const metadata = new Metadata();
        if (fate.code !== undefined) metadata.set('fairline-code', fate.code);
        answer({ code: fate.status, details: 'no', metadata });
        return;
      }
      const done = this.do(service, method, call.request);
      if (fate === 'done') answer(null, done);
    };
  }

  private do(service: ServiceName, method: string, request: Json): Json {
    switch (service) {
      case 'TicketService':
        return method === 'CheckAvailability' ? this.check(request) : this.reservation(method, request);
      case 'BookingService':
        return this.booking(method, request);
      case 'RateLimiterService':
        return this.allows(request);
      default:
        return {};
    }
  }

  private check({ units }: Json): Json {
    const unitsAvailable = this.unitsAvailable(units);
    return { available: true, offerId: 'theirs', unitsAvailable };
  }

  private reservation(method: string, { bookingId, fence, units }: Json): Json {
    const known: Reservation = this.reservations.get(bookingId) ?? {
      effects: [],
      rank: 0,
      fence: 0,
      quantity: 0,
    };
    const rank = RANK[method] ?? 0;
    if (rank > known.rank) known.effects.push(method);
    known.rank = Math.max(known.rank, rank);
    known.fence = Math.max(known.fence, Number(fence));
    known.quantity = units.tickets?.quantity ?? units.stay?.rooms;
    this.reservations.set(bookingId, known);
    return { reservation: { bookingId, fence: known.fence, state: STATES[known.rank], offerId: 'theirs' } };
  }

  private booking(method: string, request: Json): Json {
    if (method === 'ReserveBooking') {
      const key: string = request.idempotencyKey;
      const known = this.bookings.get(key) ?? {
        bookingId: `theirs-${this.bookings.size}`,
        state: 'BOOKING_STATE_HELD',
        userId: request.request.userId,
      };
      this.bookings.set(key, known);
      return {
        acceptance: { bookingId: known.bookingId, token: `token of ${known.bookingId}`, state: known.state },
      };
    }
    const known = [...this.bookings.values()].find(({ bookingId }) => bookingId === request.bookingId);
    if (known !== undefined && method === 'ConfirmBooking') known.state = 'BOOKING_STATE_CONFIRMED';
    return { booking: known };
  }
}

const isService = (definition: object): definition is Parameters<Server['addService']>[0] =>
  !('format' in definition);
