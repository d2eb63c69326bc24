import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, Matches } from 'class-validator';
import { Optional } from './optional.js';

const REASON = '^[A-Z][A-Z0-9_]{0,39}$';

/** A code and no sentence: it is kept for good, and what is kept for good names nobody. */
export class RefundDto {
  @ApiPropertyOptional({
    description: 'A code of your own, shown to the customer and kept in the audit log.',
    pattern: REASON,
    default: 'BY_OPERATOR',
    example: 'EVENT_CANCELLED',
  })
  @Optional()
  @Matches(new RegExp(REASON, 'u'))
  readonly reason?: string;

  @ApiPropertyOptional({
    description: 'Also where one of its tickets has been used.',
    default: false,
  })
  @Optional()
  @IsBoolean()
  readonly force?: boolean;
}
