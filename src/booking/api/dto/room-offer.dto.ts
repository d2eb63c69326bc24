import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsInt,
  Matches,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';
import { CleanText } from '../../../common/validation.js';
import { MAX_NIGHTS } from '../../nights.js';
import { DATE_PATTERN } from './accept-booking.dto.js';
import { MAX_CAPACITY } from './limits.js';
import { NewOfferDto } from './offer.dto.js';
import { Optional } from './optional.js';
import { text } from './text.js';

/** So many ranges of nights in one request. */
export const MAX_RANGES = 50;
const TIME_OF_DAY = /^([01]\d|2[0-3]):[0-5]\d$/;

/** Nights and their number of rooms. */
export class NightsDto {
  @ApiProperty({
    description: 'The first night.',
    format: 'date',
    pattern: DATE_PATTERN,
    example: '2027-07-01',
  })
  @Matches(new RegExp(DATE_PATTERN, 'u'))
  readonly from!: string;

  @ApiProperty({
    description: 'The last night, no more than 800 after the first and 800 days ahead.',
    format: 'date',
    pattern: DATE_PATTERN,
    example: '2027-08-31',
  })
  @Matches(new RegExp(DATE_PATTERN, 'u'))
  readonly to!: string;

  @ApiProperty({
    description: 'Rooms on sale for each of these nights; 0 takes a night off sale.',
    type: 'integer',
    minimum: 0,
    maximum: MAX_CAPACITY,
    example: 40,
  })
  @IsInt()
  @Min(0)
  @Max(MAX_CAPACITY)
  readonly capacity!: number;
}

/** A room type of a hotel, to be put on sale. */
export class CreateRoomOfferDto extends NewOfferDto {
  @ApiProperty({ ...text(128), example: 'lakeside' })
  @CleanText(128)
  readonly hotelId!: string;

  @ApiProperty({ ...text(128), example: 'double' })
  @CleanText(128)
  readonly roomType!: string;

  @ApiPropertyOptional({
    description: 'Local time from which a room can be had; a stay can be booked until then.',
    default: '15:00',
    pattern: TIME_OF_DAY.source,
  })
  @Optional()
  @Matches(TIME_OF_DAY)
  readonly checkInTime?: string;

  @ApiPropertyOptional({
    description: 'Local time by which it is left.',
    default: '11:00',
    pattern: TIME_OF_DAY.source,
  })
  @Optional()
  @Matches(TIME_OF_DAY)
  readonly checkOutTime?: string;

  @ApiPropertyOptional({ type: 'integer', minimum: 1, maximum: MAX_NIGHTS, default: 1 })
  @Optional()
  @IsInt()
  @Min(1)
  @Max(MAX_NIGHTS)
  readonly minNights?: number;

  @ApiPropertyOptional({ type: 'integer', minimum: 1, maximum: MAX_NIGHTS, default: 30 })
  @Optional()
  @IsInt()
  @Min(1)
  @Max(MAX_NIGHTS)
  readonly maxNights?: number;

  @ApiProperty({
    type: [NightsDto],
    minItems: 1,
    maxItems: MAX_RANGES,
    description: 'Where ranges share a night, the last one counts.',
  })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(MAX_RANGES)
  @ValidateNested({ each: true })
  @Type(() => NightsDto)
  readonly nights!: NightsDto[];
}
