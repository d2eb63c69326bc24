import { ApiPropertyOptional, IntersectionType, OmitType, PartialType, PickType } from '@nestjs/swagger';
import { IsBoolean } from 'class-validator';
import { CreateOfferDto } from './offer.dto.js';
import { Optional } from './optional.js';
import { CreateRoomOfferDto } from './room-offer.dto.js';

const OfTickets = PartialType(
  OmitType(CreateOfferDto, ['eventId', 'ticketType', 'timeZone', 'startsAt'] as const),
  { skipNullProperties: false },
);
const OfRooms = PartialType(PickType(CreateRoomOfferDto, ['minNights', 'maxNights', 'nights'] as const), {
  skipNullProperties: false,
});

/**
 * What is left out stays as it is; null removes an opening or closing time. `capacity` is for tickets, `minNights`,
 * `maxNights` and `nights` are for rooms.
 */
export class ChangeOfferDto extends IntersectionType(OfTickets, OfRooms) {
  @ApiPropertyOptional({ description: 'Stops intake and grants until it is false again.' })
  @Optional()
  @IsBoolean()
  readonly paused?: boolean;
}
