import type { Type } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional, getSchemaPath } from '@nestjs/swagger';
import { ERRORS } from '../../../common/errors.js';
import { QUEUE_TYPES } from '../../../config/config.js';
import { JOB_TYPES } from '../../../queue/job-queue.js';
import { STATES } from '../../booking.js';
import { MoneyDto } from './offer.dto.js';

const time = { type: String, format: 'date-time' } as const;
const day = { type: String, format: 'date' } as const;
const count = { type: 'integer' } as const;

/** Either of two answers, told apart by their `kind`. */
function eitherKind(ticket: Type, room: Type) {
  const [ticketPath, roomPath] = [getSchemaPath(ticket), getSchemaPath(room)];
  return {
    oneOf: [{ $ref: ticketPath }, { $ref: roomPath }],
    discriminator: { propertyName: 'kind', mapping: { ticket: ticketPath, room: roomPath } },
  };
}

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

export class StayDaysDto {
  @ApiProperty({ format: 'date', description: 'The first night.' }) readonly checkIn!: string;
  @ApiProperty({ format: 'date', description: 'The day after the last night.' }) readonly checkOut!: string;
}

export class StayDto extends StayDaysDto {
  @ApiProperty({ ...time, description: 'When the room can be had.' }) readonly begins!: string;
}

export class BookingDto {
  @ApiProperty({ format: 'uuid' }) readonly bookingId!: string;
  @ApiProperty() readonly jobId!: string;
  @ApiProperty() readonly offerId!: string;
  @ApiProperty(count) readonly seq!: number;
  @ApiProperty(count) readonly quantity!: number;
  @ApiProperty({ type: StayDto, nullable: true, description: 'Of a hotel booking; null for tickets.' })
  readonly stay!: StayDto | null;
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

export class CancellationTermsDto {
  @ApiProperty({ description: 'Customers may give back what they paid for, for all of their money.' })
  readonly refundable!: boolean;
  @ApiProperty({ ...count, nullable: true, description: 'Hours before the start; null: not at all.' })
  readonly untilHoursBeforeStart!: number | null;
}

abstract class AnyOfferDto {
  @ApiProperty() readonly id!: string;
  @ApiProperty() readonly title!: string;
  @ApiProperty() readonly venue!: string;
  @ApiProperty() readonly timeZone!: string;
  @ApiProperty({ type: MoneyDto, description: 'Of one ticket, or of one room for one night.' })
  readonly price!: MoneyDto;
  @ApiProperty({ type: CancellationTermsDto, description: 'Of whoever is accepted from now on.' })
  readonly cancellation!: CancellationTermsDto;
  @ApiProperty({ ...time, nullable: true }) readonly opensAt!: string | null;
  @ApiProperty({ ...time, nullable: true }) readonly closesAt!: string | null;
  @ApiProperty() readonly paused!: boolean;
  @ApiProperty(count) readonly holdSeconds!: number;
  @ApiProperty({ ...count, description: 'Units of one customer in all; of rooms, on any one night.' })
  readonly limitPerCustomer!: number;
  @ApiProperty(count) readonly maxQuantity!: number;
  @ApiProperty({ ...count, description: 'How many wait.' }) readonly waiting!: number;
  @ApiProperty(count) readonly version!: number;
}

export class TicketOfferDto extends AnyOfferDto {
  @ApiProperty({ enum: ['ticket'] }) readonly kind!: 'ticket';
  @ApiProperty() readonly eventId!: string;
  @ApiProperty() readonly ticketType!: string;
  @ApiProperty(time) readonly startsAt!: string;
  @ApiProperty({ type: StockDto }) readonly stock!: StockDto;
}

export class RoomOfferDto extends AnyOfferDto {
  @ApiProperty({ enum: ['room'] }) readonly kind!: 'room';
  @ApiProperty() readonly hotelId!: string;
  @ApiProperty() readonly roomType!: string;
  @ApiProperty({ description: 'Local.', example: '15:00' }) readonly checkInTime!: string;
  @ApiProperty({ description: 'Local.', example: '11:00' }) readonly checkOutTime!: string;
  @ApiProperty(count) readonly minNights!: number;
  @ApiProperty(count) readonly maxNights!: number;
  @ApiProperty({ ...day, description: 'The first night that was ever put on sale.' })
  readonly firstNight!: string;
  @ApiProperty({ ...day, description: 'The last one.' }) readonly lastNight!: string;
}

const eitherOffer = eitherKind(TicketOfferDto, RoomOfferDto);
/** The answer that is one offer, of either kind. */
export const AnyOffer = { schema: eitherOffer };

export class OfferListDto {
  @ApiProperty({ type: 'array', items: eitherOffer }) readonly offers!: (TicketOfferDto | RoomOfferDto)[];
}

export class NightDto extends StockDto {
  @ApiProperty(day) readonly night!: string;
}

export class NightListDto {
  @ApiProperty({ type: [NightDto] }) readonly nights!: NightDto[];
}

abstract class AnyTicketDto {
  @ApiProperty() readonly code!: string;
  @ApiProperty({ description: 'It would be let in now.' }) readonly valid!: boolean;
  @ApiProperty({ enum: ['issued', 'redeemed', 'revoked'] }) readonly state!: string;
  @ApiProperty({ ...count, description: 'Of the tickets or rooms of its booking, from 1.' })
  readonly number!: number;
  @ApiProperty(count) readonly quantity!: number;
  @ApiProperty() readonly title!: string;
  @ApiProperty({ ...time, description: 'When the event, or the stay, begins.' }) readonly startsAt!: string;
  @ApiProperty({ ...time, nullable: true }) readonly redeemedAt!: string | null;
}

export class TicketDto extends AnyTicketDto {
  @ApiProperty({ enum: ['ticket'] }) readonly kind!: 'ticket';
  @ApiProperty() readonly ticketType!: string;
}

export class VoucherDto extends AnyTicketDto {
  @ApiProperty({ enum: ['room'] }) readonly kind!: 'room';
  @ApiProperty() readonly roomType!: string;
  @ApiProperty({ type: StayDaysDto }) readonly stay!: StayDaysDto;
}

/** The answer that is one ticket, or the voucher for one room. */
export const AnyTicket = { schema: eitherKind(TicketDto, VoucherDto) };

export class RefundedDto {
  @ApiProperty({ format: 'uuid' }) readonly bookingId!: string;
  @ApiProperty() readonly offerId!: string;
  @ApiProperty({ enum: ['refunded'] }) readonly state!: string;
  @ApiProperty({ example: 'BY_OPERATOR' }) readonly reason!: string;
  @ApiProperty(count) readonly quantity!: number;
  @ApiProperty({ type: MoneyDto, description: 'What the customer gets back.' }) readonly amount!: MoneyDto;
  @ApiProperty({ ...count, description: 'Of the line.' }) readonly version!: number;
}

export class DeadLetterDto {
  @ApiProperty({ format: 'uuid' }) readonly id!: string;
  @ApiProperty({ format: 'uuid' }) readonly bookingId!: string;
  @ApiProperty() readonly jobId!: string;
  @ApiProperty() readonly jobType!: string;
  @ApiProperty(count) readonly fence!: number;
  @ApiProperty({ description: 'A stable code.', example: 'RETRIES_EXHAUSTED' }) readonly reason!: string;
  @ApiProperty(count) readonly attempts!: number;
  @ApiProperty({ enum: ['open', 'replayed', 'discarded'] }) readonly state!: string;
  @ApiProperty(time) readonly createdAt!: string;
  @ApiProperty({ ...time, nullable: true }) readonly resolvedAt!: string | null;
  @ApiProperty({ type: String, nullable: true }) readonly resolvedBy!: string | null;
}

export class DeadLetterListDto {
  @ApiProperty({ type: [DeadLetterDto] }) readonly deadLetters!: DeadLetterDto[];
}

export class JobCountsDto {
  @ApiProperty(count) readonly waiting!: number;
  @ApiProperty(count) readonly active!: number;
  @ApiProperty(count) readonly delayed!: number;
  @ApiProperty(count) readonly dead!: number;
}

export class PartitionDto {
  @ApiProperty(count) readonly partition!: number;
  @ApiProperty({ ...count, description: 'Offset of the oldest message kept.' }) readonly earliest!: number;
  @ApiProperty({ ...count, description: 'Offset that is written next.' }) readonly latest!: number;
  @ApiProperty({ ...count, nullable: true, description: 'Next offset to commit; null: none yet.' })
  readonly committed!: number | null;
  @ApiProperty(count) readonly lag!: number;
}

export class ConsumerDto {
  @ApiProperty() readonly name!: string;
  @ApiProperty({ ...count, description: 'Delivered to it and not yet acknowledged.' })
  readonly pending!: number;
  @ApiProperty({ ...count, nullable: true, description: 'Milliseconds since the broker saw it last.' })
  readonly idleMs!: number | null;
}

export class GroupDto {
  @ApiProperty() readonly name!: string;
  @ApiProperty({ ...count, description: 'Published and not yet delivered to this group.' })
  readonly lag!: number;
  @ApiProperty({ ...count, description: 'Delivered and not yet acknowledged.' }) readonly pending!: number;
  @ApiProperty({ type: [ConsumerDto] }) readonly consumers!: ConsumerDto[];
}

export class ChannelDto {
  @ApiProperty({ description: 'As the broker knows it.', example: 'booking-queue-fulfil' })
  readonly name!: string;
  @ApiProperty({ enum: JOB_TYPES }) readonly type!: string;
  @ApiProperty({ enum: ['work', 'delayed', 'retries', 'dead'] }) readonly holds!: string;
  @ApiProperty({ ...count, description: 'Jobs that it holds and that are not done.' })
  readonly depth!: number;
  @ApiProperty({ type: [GroupDto], description: 'Empty where the technology has no groups.' })
  readonly groups!: GroupDto[];
  @ApiProperty({ type: [PartitionDto], description: 'Empty where the technology has no partitions.' })
  readonly partitions!: PartitionDto[];
}

export class ConsumerActivityDto {
  @ApiProperty({ enum: JOB_TYPES }) readonly type!: string;
  @ApiProperty(count) readonly concurrency!: number;
  @ApiProperty({ ...count, description: 'Deliveries under way.' }) readonly running!: number;
  @ApiProperty({ ...count, description: 'Milliseconds that one delivery may take.' })
  readonly deadlineMs!: number;
  @ApiProperty({ ...time, nullable: true }) readonly oldestRunningSince!: string | null;
  @ApiProperty({ ...time, nullable: true }) readonly lastDeliveryAt!: string | null;
}

export class QueueDto {
  @ApiProperty({ enum: ['bullmq-postgres', 'bullmq-redis', 'streams', 'kafka'] })
  readonly technology!: string;
  @ApiProperty({ enum: QUEUE_TYPES, description: '`QUEUE_TYPE`.' }) readonly type!: string;
  @ApiProperty({
    type: String,
    nullable: true,
    description: "Of the broker's server; null where it does not tell, as Kafka.",
  })
  readonly version!: string | null;
  @ApiProperty() readonly paused!: boolean;
  @ApiProperty({
    type: 'object',
    description: 'By the type of job.',
    additionalProperties: { $ref: getSchemaPath(JobCountsDto) },
  })
  readonly types!: Record<string, JobCountsDto>;
  @ApiProperty({ type: [ChannelDto], description: 'Queues, streams, sorted sets or topics.' })
  readonly channels!: ChannelDto[];
  @ApiProperty({
    type: 'object',
    description: 'Consumers by the type of job, over all processes; null where the broker does not tell.',
    additionalProperties: { type: 'integer', nullable: true },
  })
  readonly workers!: Record<string, number | null>;
  @ApiProperty({
    type: [ConsumerActivityDto],
    description: 'What the process that answers consumes itself; empty in the role `api`.',
  })
  readonly consumers!: ConsumerActivityDto[];
}

export class InvariantDto {
  @ApiProperty() readonly ok!: boolean;
  @ApiProperty({ ...count, description: 'Rows, transitions or charges that were looked at.' })
  readonly checked!: number;
  @ApiProperty({ type: [String], description: 'At most 20, in words.' }) readonly violations!: string[];
  @ApiProperty({
    type: [String],
    description:
      'Of `F6`: what holds with a reservation, in words. Seals that erasure has recoded, for example.',
  })
  readonly notes!: string[];
}

export class InvariantsDto {
  @ApiProperty({ description: 'All of them hold.' }) readonly ok!: boolean;
  @ApiProperty({
    type: 'object',
    description: '`F1` to `F7`.',
    additionalProperties: { $ref: getSchemaPath(InvariantDto) },
  })
  readonly invariants!: Record<string, InvariantDto>;
}

export class AuditEventDto {
  @ApiProperty() readonly id!: string;
  @ApiProperty(time) readonly at!: string;
  @ApiProperty({ type: String, nullable: true }) readonly offerId!: string | null;
  @ApiProperty({ type: String, format: 'uuid', nullable: true }) readonly bookingId!: string | null;
  @ApiProperty() readonly action!: string;
  @ApiProperty({ type: String, enum: STATES, nullable: true }) readonly fromState!: string | null;
  @ApiProperty({ type: String, enum: STATES, nullable: true }) readonly toState!: string | null;
  @ApiProperty({ ...count, nullable: true, description: 'Of the line.' }) readonly version!: number | null;
  @ApiProperty({ ...count, nullable: true, description: 'Within its version.' })
  readonly ordinal!: number | null;
  @ApiProperty({ enum: ['customer', 'operator', 'service', 'system'] }) readonly actorKind!: string;
  @ApiProperty() readonly actorId!: string;
  @ApiProperty({ type: String, nullable: true }) readonly address!: string | null;
  @ApiProperty({ type: String, nullable: true }) readonly correlationId!: string | null;
  @ApiProperty({ type: 'object', nullable: true, additionalProperties: true }) readonly detail!: unknown;
}

export class AuditDto {
  @ApiProperty({ type: [AuditEventDto] }) readonly events!: AuditEventDto[];
  @ApiProperty({
    type: String,
    nullable: true,
    description: '`before` of the next page; null: this is the last.',
  })
  readonly next!: string | null;
}

export class AuditHeadDto {
  @ApiProperty({ ...count, description: 'Of the newest seal, from 1; 0 before the first.' })
  readonly sequence!: number;
  @ApiProperty({ pattern: '^[0-9a-f]{64}$', description: 'SHA-256 over everything that was ever sealed.' })
  readonly digest!: string;
  @ApiProperty({
    pattern: '^\\d+:[0-9a-f]{64}$',
    description: '`sequence:digest`: what to keep elsewhere, and to give to `npm run verify`.',
  })
  readonly anchor!: string;
  @ApiProperty({ ...time, type: String, nullable: true, description: 'Null before the first seal.' })
  readonly sealedAt!: string | null;
  @ApiProperty({ type: String, nullable: true, description: 'Number of the last event under a seal.' })
  readonly sealedThrough!: string | null;
}

export class ErasedDto {
  @ApiProperty({ ...count, description: 'Bookings that name nobody any more.' }) readonly bookings!: number;
}

export class FieldErrorDto {
  @ApiProperty({ description: 'Dotted path; empty where the whole is meant.' }) readonly field!: string;
  @ApiProperty() readonly message!: string;
}

/** RFC 9457. Some codes add members of their own: docs/errors.md. */
export class ProblemDto {
  @ApiProperty({ example: 'urn:fairline:error:SOLD_OUT' }) readonly type!: string;
  @ApiProperty() readonly title!: string;
  @ApiProperty(count) readonly status!: number;
  @ApiProperty({ description: 'Stable; see docs/errors.md.', enum: Object.keys(ERRORS) })
  readonly code!: string;
  @ApiPropertyOptional({ description: 'A sentence about this occurrence.' }) readonly detail?: string;
  @ApiPropertyOptional({ description: 'The path that was asked for.' }) readonly instance?: string;
  @ApiPropertyOptional({ description: 'As `X-Request-Id`.' }) readonly correlationId?: string;
  @ApiPropertyOptional({ type: [FieldErrorDto], description: 'With `VALIDATION_FAILED`: all that is wrong.' })
  readonly errors?: FieldErrorDto[];
  @ApiPropertyOptional({ ...count, description: 'As `Retry-After`.' }) readonly retryAfterSeconds?: number;
}
