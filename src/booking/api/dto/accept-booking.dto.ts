import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsInt, Matches, Max, MaxLength, Min } from 'class-validator';
import { CleanText } from '../../../common/validation.js';
import { MAX_QUANTITY } from './limits.js';
import { Optional } from './optional.js';

/** Enough of RFC 5321 to refuse what no mail server takes; the same expression in both validators. */
export const EMAIL_PATTERN =
  "^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\\.[A-Za-z0-9-]{1,63})*$";
/** Tokens of payment providers. */
export const PAYMENT_METHOD_PATTERN = '^[A-Za-z0-9_.:-]{1,200}$';

/** A request to join the line for tickets. */
export class AcceptBookingDto {
  @ApiProperty({
    description: 'Who books. With a JWT it must be its `sub`.',
    minLength: 1,
    maxLength: 128,
    example: 'fan-1',
  })
  @CleanText(128)
  readonly userId!: string;

  @ApiProperty({
    description: 'The event, as its organiser named it.',
    minLength: 1,
    maxLength: 128,
    example: 'summer-night',
  })
  @CleanText(128)
  readonly eventId!: string;

  @ApiPropertyOptional({
    description: 'Required where the event has several types.',
    minLength: 1,
    maxLength: 128,
    example: 'standing',
  })
  @Optional()
  @CleanText(128)
  readonly ticketType?: string;

  @ApiPropertyOptional({
    description: 'How many tickets.',
    type: 'integer',
    minimum: 1,
    maximum: MAX_QUANTITY,
    default: 1,
  })
  @Optional()
  @IsInt()
  @Min(1)
  @Max(MAX_QUANTITY)
  readonly quantity?: number;

  @ApiPropertyOptional({
    description: 'Where the tickets and the news of the line are sent.',
    maxLength: 254,
    example: 'fan@example.org',
    pattern: EMAIL_PATTERN,
  })
  @Optional()
  @MaxLength(254)
  @Matches(new RegExp(EMAIL_PATTERN, 'u'))
  readonly email?: string;

  @ApiPropertyOptional({
    description: 'Charged as soon as the hold is won.',
    pattern: PAYMENT_METHOD_PATTERN,
    example: 'pm_ok',
  })
  @Optional()
  @Matches(new RegExp(PAYMENT_METHOD_PATTERN, 'u'))
  readonly paymentMethod?: string;
}
