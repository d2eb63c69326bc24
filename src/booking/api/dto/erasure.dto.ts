import { ApiProperty } from '@nestjs/swagger';
import { CleanText } from '../../../common/validation.js';
import { text } from './text.js';

/** Whom to forget. */
export class ErasureDto {
  @ApiProperty({ description: 'As the bookings have it.', ...text(200), example: 'fan-1' })
  @CleanText(200)
  readonly userId!: string;
}
