import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional, IsUUID, Matches } from 'class-validator';
import { CleanText } from '../../../common/validation.js';
import { DATE_PATTERN } from './accept-booking.dto.js';
import { Instant, instant } from './instant.js';
import { MAX_PAGE } from './limits.js';
import { text } from './text.js';

/** Query strings are text: numbers in them are checked as text and read by `numberOf`. */
const WHOLE_NUMBER = /^\d{1,15}$/;
const MAX_WHOLE_NUMBER = 999_999_999_999_999;

export const numberOf = (text: string | undefined, fallback: number): number =>
  text === undefined ? fallback : Number(text);
export const pageOf = (text: string | undefined): number =>
  Math.min(MAX_PAGE, Math.max(1, numberOf(text, 50)));

export class VersionQuery {
  @ApiPropertyOptional({
    description: 'The last version that the client saw: the answer is never older.',
    type: 'integer',
    minimum: 0,
    maximum: MAX_WHOLE_NUMBER,
  })
  @IsOptional()
  @Matches(WHOLE_NUMBER, { message: 'version must be a whole number' })
  readonly version?: string;
}

export class PageQuery {
  @ApiPropertyOptional({
    description: `Rows of the page, at most ${MAX_PAGE}.`,
    type: 'integer',
    minimum: 1,
    maximum: MAX_PAGE,
    default: 50,
  })
  @IsOptional()
  @Matches(/^([1-9]\d?|1\d\d|200)$/, { message: `limit must be a whole number from 1 to ${MAX_PAGE}` })
  readonly limit?: string;
}

export class BookingsQuery extends PageQuery {
  @ApiPropertyOptional({ description: 'Those older than this booking.', format: 'uuid' })
  @IsOptional()
  @IsUUID()
  readonly before?: string;

  @ApiPropertyOptional({
    description: 'For operators: whose bookings. A customer sees their own.',
    ...text(128),
  })
  @IsOptional()
  @CleanText(128)
  readonly userId?: string;
}

export class NightsQuery {
  @ApiProperty({ description: 'The first night.', format: 'date', pattern: DATE_PATTERN })
  @Matches(new RegExp(DATE_PATTERN, 'u'))
  readonly from!: string;

  @ApiProperty({ description: 'The last night.', format: 'date', pattern: DATE_PATTERN })
  @Matches(new RegExp(DATE_PATTERN, 'u'))
  readonly to!: string;
}

export class OffersQuery extends PageQuery {
  @ApiPropertyOptional({ description: 'Those after this id.', ...text(64) })
  @IsOptional()
  @CleanText(64)
  readonly after?: string;
}

export class DeadLettersQuery extends PageQuery {
  @ApiPropertyOptional({ enum: ['open', 'replayed', 'discarded'] })
  @IsOptional()
  @IsIn(['open', 'replayed', 'discarded'])
  readonly state?: 'open' | 'replayed' | 'discarded';

  @ApiPropertyOptional({
    description: 'Those older than this time (`createdAt` of the last one).',
    ...instant,
  })
  @IsOptional()
  @Instant()
  readonly before?: string;
}

export class AuditQuery extends PageQuery {
  @ApiPropertyOptional({ ...text(64) })
  @IsOptional()
  @CleanText(64)
  readonly offerId?: string;

  @ApiPropertyOptional({ format: 'uuid' })
  @IsOptional()
  @IsUUID()
  readonly bookingId?: string;

  @ApiPropertyOptional({
    description: 'Those older than this id: `next` of the last page.',
    type: 'integer',
    minimum: 0,
    maximum: MAX_WHOLE_NUMBER,
  })
  @IsOptional()
  @Matches(WHOLE_NUMBER, { message: 'before must be a whole number' })
  readonly before?: string;

  @ApiPropertyOptional({ description: 'Not those before this time.', ...instant })
  @IsOptional()
  @Instant()
  readonly since?: string;

  @ApiPropertyOptional({ description: 'Those before this time.', ...instant })
  @IsOptional()
  @Instant()
  readonly until?: string;
}

export class ExportQuery {
  @ApiPropertyOptional({
    description: 'Those behind this booking, the last one that came.',
    format: 'uuid',
  })
  @IsOptional()
  @IsUUID()
  readonly after?: string;

  @ApiPropertyOptional({ ...text(64) })
  @IsOptional()
  @CleanText(64)
  readonly offerId?: string;
}
