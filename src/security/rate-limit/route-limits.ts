import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Identity } from '../identity.js';
import type { AddressLimit, CallLimits, CustomerLimit } from './call-limits.js';
import type { QuotaTeller } from './quota-teller.js';

/** What a route is counted as. */
export type CountedAs = 'read' | 'write' | 'ticket-code';

const COUNTED: Readonly<Record<CountedAs, { address: AddressLimit; customer: CustomerLimit }>> = {
  read: { address: 'address-reads', customer: 'customer-reads' },
  write: { address: 'address', customer: 'customer' },
  'ticket-code': { address: 'address-reads', customer: 'customer-reads' },
};

/** The limits of every route that has `@Access`; `POST /api/bookings` has the `BookingGate`. */
export class RouteLimits {
  constructor(
    private readonly limits: CallLimits,
    private readonly quotas: QuotaTeller,
  ) {}

  /**
   * Who calls, counted against their address before their credentials are looked at, and then as a customer.
   * @throws AppError `RATE_LIMITED`, and as `CallLimits.identify`
   */
  async enter(as: CountedAs, request: FastifyRequest, reply: FastifyReply): Promise<Identity> {
    const { address, customer } = COUNTED[as];
    const arrived = await this.limits.ofAddress(address, request);
    const identity = await this.limits.identify(request, request.headers.authorization);
    const counted = await this.limits.ofCustomer(customer, identity);
    // A code is all that it takes to show a ticket, so nobody tries many.
    if (as === 'ticket-code' && identity.kind !== 'operator') {
      await this.limits.ofAddress('address-ticket-codes', request);
    }
    this.quotas.tell(reply, counted ?? arrived);
    return identity;
  }
}
