import { ApiProperty } from '@nestjs/swagger';
import { STATES } from '../../booking.js';
import { MoneyDto } from './offer.dto.js';

const time = { type: String, format: 'date-time' } as const;
const count = { type: 'integer' } as const;

/** Documentation of what routes answer; the application's own types are checked against the answers by tests. */
export class LinksDto {
  @ApiProperty({ format: 'uri' }) readonly self!: string;
  @ApiProperty({ format: 'uri' }) readonly payment!: string;
  @ApiProperty({ format: 'uri' }) readonly ticket!: string;
}

export class AcceptanceDto {
  @ApiProperty({ format: 'uuid' }) readonly bookingId!: string;
  @ApiProperty({ description: "Of the booking's fulfilment, fixed for life." }) readonly jobId!: string;
  @ApiProperty() readonly offerId!: string;
  @ApiProperty({ ...count, description: 'Number in the line, from 1.' }) readonly seq!: number;
  @ApiProperty({ enum: ['waiting'] }) readonly state!: 'waiting';
  @ApiProperty({ ...count, description: '1 is next.' }) readonly position!: number;
  @ApiProperty(count) readonly estimatedWaitSeconds!: number;
  @ApiProperty({ ...count, description: 'Version of the line; send it back as `version`.' })
  readonly version!: number;
  @ApiProperty({ description: 'Opens this booking alone: `Authorization: Bearer <token>`.' })
  readonly token!: string;
  @ApiProperty({ type: LinksDto }) readonly links!: LinksDto;
}

export class BookingDto {
  @ApiProperty({ format: 'uuid' }) readonly bookingId!: string;
  @ApiProperty() readonly jobId!: string;
  @ApiProperty() readonly offerId!: string;
  @ApiProperty(count) readonly seq!: number;
  @ApiProperty(count) readonly quantity!: number;
  @ApiProperty({ enum: STATES }) readonly state!: string;
  @ApiProperty({ type: String, nullable: true }) readonly reason!: string | null;
  @ApiProperty({ ...count, nullable: true, description: '1 is next; null once it no longer waits.' })
  readonly position!: number | null;
  @ApiProperty({ ...count, nullable: true }) readonly estimatedWaitSeconds!: number | null;
  @ApiProperty(count) readonly version!: number;
  @ApiProperty({ ...count, minimum: 0, maximum: 100 }) readonly progress!: number;
  @ApiProperty({ ...time, nullable: true, description: 'While held: pay before.' }) readonly deadline!:
    string | null;
  @ApiProperty({ type: MoneyDto, description: 'For all units together.' }) readonly price!: MoneyDto;
  @ApiProperty({ type: [String] }) readonly ticketCodes!: string[];
  @ApiProperty(time) readonly acceptedAt!: string;
  @ApiProperty(time) readonly serverTime!: string;
  @ApiProperty({ type: LinksDto }) readonly links!: LinksDto;
}

export class BookingListDto {
  @ApiProperty({ type: [BookingDto] }) readonly bookings!: BookingDto[];
}

export class StockDto {
  @ApiProperty(count) readonly capacity!: number;
  @ApiProperty(count) readonly available!: number;
  @ApiProperty(count) readonly held!: number;
  @ApiProperty(count) readonly sold!: number;
}

export class OfferDto {
  @ApiProperty() readonly id!: string;
  @ApiProperty() readonly eventId!: string;
  @ApiProperty() readonly ticketType!: string;
  @ApiProperty() readonly title!: string;
  @ApiProperty() readonly venue!: string;
  @ApiProperty() readonly timeZone!: string;
  @ApiProperty(time) readonly startsAt!: string;
  @ApiProperty({ type: MoneyDto }) readonly price!: MoneyDto;
  @ApiProperty({ ...time, nullable: true }) readonly opensAt!: string | null;
  @ApiProperty({ ...time, nullable: true }) readonly closesAt!: string | null;
  @ApiProperty() readonly paused!: boolean;
  @ApiProperty(count) readonly holdSeconds!: number;
  @ApiProperty(count) readonly limitPerCustomer!: number;
  @ApiProperty(count) readonly maxQuantity!: number;
  @ApiProperty({ type: StockDto }) readonly stock!: StockDto;
  @ApiProperty({ ...count, description: 'How many wait.' }) readonly waiting!: number;
  @ApiProperty(count) readonly version!: number;
}

export class OfferListDto {
  @ApiProperty({ type: [OfferDto] }) readonly offers!: OfferDto[];
}

export class TicketDto {
  @ApiProperty() readonly code!: string;
  @ApiProperty({ description: 'It would be let in now.' }) readonly valid!: boolean;
  @ApiProperty({ enum: ['issued', 'redeemed', 'revoked'] }) readonly state!: string;
  @ApiProperty({ ...count, description: 'Of the tickets of its booking, from 1.' }) readonly number!: number;
  @ApiProperty(count) readonly quantity!: number;
  @ApiProperty() readonly title!: string;
  @ApiProperty() readonly ticketType!: string;
  @ApiProperty(time) readonly startsAt!: string;
  @ApiProperty({ ...time, nullable: true }) readonly redeemedAt!: string | null;
}

export class ProblemDto {
  @ApiProperty({ example: 'urn:fairline:error:SOLD_OUT' }) readonly type!: string;
  @ApiProperty() readonly title!: string;
  @ApiProperty(count) readonly status!: number;
  @ApiProperty({ description: 'Stable; see docs/errors.md.' }) readonly code!: string;
  @ApiProperty({ required: false }) readonly detail?: string;
}
