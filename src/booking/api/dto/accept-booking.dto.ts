import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsInt, Matches, Max, MaxLength, Min } from 'class-validator';
import { CleanText } from '../../../common/validation.js';
import { MAX_NIGHTS } from '../../nights.js';
import { MAX_QUANTITY } from './limits.js';
import { Optional } from './optional.js';
import { text } from './text.js';

/** Enough of RFC 5321 to refuse what no mail server takes; the same expression in both validators. */
export const EMAIL_PATTERN =
  "^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\\.[A-Za-z0-9-]{1,63})*$";
/**
 * Tokens of payment providers. What could be the number of a card, 12 to 19 digits however they are set apart, is
 * none: it would stay in the ledger for good.
 */
export const PAYMENT_METHOD_PATTERN = '^(?![_.:-]*(?:\\d[_.:-]*){12,19}$)[A-Za-z0-9_.:-]{1,200}$';

/** A day, from the year 2000 on; whether it exists is looked at beside it. */
export const DATE_PATTERN = '^2\\d{3}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])$';

/** What every request to join a line says. */
export abstract class JoinLineDto {
  @ApiProperty({
    description: 'Who books. With a JWT it must be its `sub`.',
    ...text(128),
    example: 'fan-1',
  })
  @CleanText(128)
  readonly userId!: string;

  @ApiPropertyOptional({
    description: 'Where tickets or vouchers and the news of the line are sent.',
    maxLength: 254,
    example: 'fan@example.org',
    pattern: EMAIL_PATTERN,
  })
  @Optional()
  @MaxLength(254)
  @Matches(new RegExp(EMAIL_PATTERN, 'u'))
  readonly email?: string;

  @ApiPropertyOptional({
    description:
      "The provider's token of a card or account, never its number: charged as soon as the hold is won.",
    pattern: PAYMENT_METHOD_PATTERN,
    example: 'pm_ok',
  })
  @Optional()
  @Matches(new RegExp(PAYMENT_METHOD_PATTERN, 'u'))
  readonly paymentMethod?: string;
}

/** A request to join the line for tickets. */
export class AcceptBookingDto extends JoinLineDto {
  @ApiProperty({
    description: 'The event, as its organiser named it.',
    ...text(128),
    example: 'summer-night',
  })
  @CleanText(128)
  readonly eventId!: string;

  @ApiPropertyOptional({
    description: 'Required where the event has several types.',
    ...text(128),
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
}

/** A request to join the line for rooms. */
export class AcceptStayDto extends JoinLineDto {
  @ApiProperty({
    description: 'The hotel, as its operator named it.',
    ...text(128),
    example: 'lakeside',
  })
  @CleanText(128)
  readonly hotelId!: string;

  @ApiPropertyOptional({
    description: 'Required where the hotel has several types.',
    ...text(128),
    example: 'double',
  })
  @Optional()
  @CleanText(128)
  readonly roomType?: string;

  @ApiProperty({
    description: 'The first night, as a date of the hotel.',
    format: 'date',
    pattern: DATE_PATTERN,
    example: '2027-07-01',
  })
  @Matches(new RegExp(DATE_PATTERN, 'u'))
  readonly checkIn!: string;

  @ApiProperty({
    description: `The day after the last night; at most ${MAX_NIGHTS} nights.`,
    format: 'date',
    pattern: DATE_PATTERN,
    example: '2027-07-04',
  })
  @Matches(new RegExp(DATE_PATTERN, 'u'))
  readonly checkOut!: string;

  @ApiPropertyOptional({
    description: 'How many rooms.',
    type: 'integer',
    minimum: 1,
    maximum: MAX_QUANTITY,
    default: 1,
  })
  @Optional()
  @IsInt()
  @Min(1)
  @Max(MAX_QUANTITY)
  readonly rooms?: number;
}
