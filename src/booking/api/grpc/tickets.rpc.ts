import type { Metadata } from '@grpc/grpc-js';
import { Controller } from '@nestjs/common';
import { validationFailed } from '../../../common/problem.js';
import { isCleanText } from '../../../common/text.js';
import type { Call } from '../../../grpc/call.js';
import { callerOf, Rpc } from '../../../grpc/rpc.js';
import type { ReservationState } from '../../ledger/reservations.js';
import { ReservationService } from '../../reservation.service.js';
import { actorOf } from './joining.js';
import type { Message } from './messages.js';
import { askedUnits, checkedUnits, countOf, type UnitsMessage } from './requests.js';

const MAX_BOOKING_ID = 128;

interface TellingMessage {
  readonly bookingId: string;
  readonly fence: string;
  readonly units: UnitsMessage | null;
}

/** `TicketService` of the contract: units that another system sells through a line of its own. */
@Controller()
export class TicketsRpc {
  constructor(private readonly reservations: ReservationService) {}

  @Rpc('TicketService', 'service', 'read')
  async checkAvailability({ units }: { readonly units: UnitsMessage | null }): Promise<Message> {
    const { asked, quantity } = askedUnits(units);
    const { offerId, available } = await this.reservations.available(asked);
    return { offerId, available: available >= quantity, unitsAvailable: available };
  }

  @Rpc('TicketService', 'service', 'write')
  reserve(message: TellingMessage, _: Metadata, call: Call): Promise<Message> {
    return this.tell('reserved', message, call);
  }

  @Rpc('TicketService', 'service', 'write')
  release(message: TellingMessage, _: Metadata, call: Call): Promise<Message> {
    return this.tell('released', message, call);
  }

  @Rpc('TicketService', 'service', 'write')
  confirm(message: TellingMessage, _: Metadata, call: Call): Promise<Message> {
    return this.tell('confirmed', message, call);
  }

  private async tell(state: ReservationState, message: TellingMessage, call: Call): Promise<Message> {
    const { bookingId } = message;
    if (bookingId === '' || bookingId.length > MAX_BOOKING_ID || !isCleanText(bookingId))
      throw validationFailed([
        { field: 'booking_id', message: `booking_id must be text of 1 to ${MAX_BOOKING_ID} characters` },
      ]);
    const caller = callerOf(call);
    const told = {
      bookingId,
      state,
      fence: countOf('fence', message.fence),
      units: checkedUnits(message.units),
    };
    const reservation = await this.reservations.tell(caller.service ?? '', told, actorOf(caller));
    return { reservation: { ...reservation, state: `RESERVATION_STATE_${reservation.state.toUpperCase()}` } };
  }
}
