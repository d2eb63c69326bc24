import { ApiProperty } from '@nestjs/swagger';
import { Matches } from 'class-validator';
import { PAYMENT_METHOD_PATTERN } from './accept-booking.dto.js';

export class PaymentDto {
  @ApiProperty({
    description: "The provider's token of a card or account, never its number.",
    pattern: PAYMENT_METHOD_PATTERN,
    example: 'pm_ok',
  })
  @Matches(new RegExp(PAYMENT_METHOD_PATTERN, 'u'))
  readonly paymentMethod!: string;
}
