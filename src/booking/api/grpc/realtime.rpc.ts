import { Controller } from '@nestjs/common';
import { Rpc } from '../../../grpc/rpc.js';
import { stateName } from '../../../grpc/values.js';
import { ClientNews } from '../../client-news.js';
import { bookingId } from '../booking-id.js';
import type { Message } from './messages.js';
import { countOf, offerIdOf } from './requests.js';

/** `RealtimeService` of the contract: a hint from elsewhere, upon which the ledger is asked. */
@Controller()
export class RealtimeRpc {
  constructor(private readonly news: ClientNews) {}

  @Rpc('RealtimeService', 'service', 'write')
  async pushPosition(message: { readonly offerId: string; readonly version: string }): Promise<Message> {
    const atLeast = countOf('version', message.version);
    return { version: await this.news.ofLine(offerIdOf(message.offerId), atLeast) };
  }

  @Rpc('RealtimeService', 'service', 'write')
  async pushStatus(message: { readonly bookingId: string }): Promise<Message> {
    const { state, version } = await this.news.ofBooking(bookingId(message.bookingId));
    return { state: stateName(state), version };
  }
}
