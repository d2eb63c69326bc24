import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  IsBoolean,
  IsInt,
  IsObject,
  IsOptional,
  IsTimeZone,
  Matches,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';
import { CleanText } from '../../../common/validation.js';
import { Instant, instant } from './instant.js';
import { MAX_CAPACITY, MAX_QUANTITY } from './limits.js';
import { Optional } from './optional.js';
import { text } from './text.js';

export class MoneyDto {
  @ApiProperty({
    description: 'In minor units of the currency (cents).',
    type: 'integer',
    minimum: 1,
    maximum: 100_000_000,
    example: 4500,
  })
  @IsInt()
  @Min(1)
  @Max(100_000_000)
  readonly amountMinor!: number;

  @ApiProperty({ description: 'ISO 4217.', pattern: '^[A-Z]{3}$', example: 'EUR' })
  @Matches(/^[A-Z]{3}$/)
  readonly currency!: string;
}

/** When customers may give back what they paid for. */
export class CancellationDto {
  @ApiProperty({ description: 'For all of their money, as long as no ticket has been used.' })
  @IsBoolean()
  readonly refundable!: boolean;

  @ApiPropertyOptional({
    description: 'So many hours before the start at the latest; by default until it begins.',
    type: 'integer',
    minimum: 0,
    maximum: 8760,
    example: 48,
  })
  @Optional()
  @IsInt()
  @Min(0)
  @Max(8760)
  readonly untilHoursBeforeStart?: number;
}

/** What every offer says. */
export abstract class NewOfferDto {
  @ApiProperty({ ...text(200), example: 'Summer Night' })
  @CleanText(200)
  readonly title!: string;

  @ApiPropertyOptional({ ...text(200, 0), default: '', example: 'Waldbühne' })
  @Optional()
  @CleanText(200, { min: 0 })
  readonly venue?: string;

  @ApiPropertyOptional({
    description: 'IANA; times on tickets and in mails are in it.',
    format: 'iana-time-zone',
    default: 'UTC',
    example: 'Europe/Berlin',
  })
  @Optional()
  @IsTimeZone()
  readonly timeZone?: string;

  @ApiProperty({ type: MoneyDto, description: 'Of one ticket, or of one room for one night.' })
  @IsObject()
  @ValidateNested()
  @Type(() => MoneyDto)
  readonly price!: MoneyDto;

  @ApiPropertyOptional({
    description: 'Nobody is let in before.',
    ...instant,
    type: String,
    nullable: true,
  })
  @IsOptional()
  @Instant()
  readonly opensAt?: string | null;

  @ApiPropertyOptional({
    description: 'Nobody is let in from then on.',
    ...instant,
    type: String,
    nullable: true,
  })
  @IsOptional()
  @Instant()
  readonly closesAt?: string | null;

  @ApiPropertyOptional({
    description: 'Time to pay; by default BOOKING_TIMEOUT_SECONDS.',
    type: 'integer',
    minimum: 1,
    maximum: 86_400,
  })
  @Optional()
  @IsInt()
  @Min(1)
  @Max(86_400)
  readonly holdSeconds?: number;

  @ApiPropertyOptional({
    description: 'Units that one customer may have in all.',
    type: 'integer',
    minimum: 1,
    maximum: 10_000,
    default: 10,
  })
  @Optional()
  @IsInt()
  @Min(1)
  @Max(10_000)
  readonly limitPerCustomer?: number;

  @ApiPropertyOptional({
    description: 'Units of one booking.',
    type: 'integer',
    minimum: 1,
    maximum: MAX_QUANTITY,
    default: 10,
  })
  @Optional()
  @IsInt()
  @Min(1)
  @Max(MAX_QUANTITY)
  readonly maxQuantity?: number;

  @ApiPropertyOptional({
    type: CancellationDto,
    description: 'By default nothing is refundable. Each booking keeps the terms that it was accepted under.',
  })
  @Optional()
  @IsObject()
  @ValidateNested()
  @Type(() => CancellationDto)
  readonly cancellation?: CancellationDto;
}

/** A ticket type of an event, to be put on sale. */
export class CreateOfferDto extends NewOfferDto {
  @ApiProperty({ ...text(128), example: 'summer-night' })
  @CleanText(128)
  readonly eventId!: string;

  @ApiProperty({ ...text(128), example: 'standing' })
  @CleanText(128)
  readonly ticketType!: string;

  @ApiProperty({
    description: 'When the event begins; ISO 8601 with an offset.',
    ...instant,
    example: '2027-06-19T18:00:00Z',
  })
  @Instant()
  readonly startsAt!: string;

  @ApiProperty({ type: 'integer', minimum: 0, maximum: MAX_CAPACITY, example: 500 })
  @IsInt()
  @Min(0)
  @Max(MAX_CAPACITY)
  readonly capacity!: number;
}
