import { applyDecorators } from '@nestjs/common';
import { IsISO8601, Matches } from 'class-validator';

/** RFC 3339, from the year 2000 on; whether the day exists is checked beside it. */
const INSTANT =
  /^2\d{3}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|[+-](0\d|1[0-4]):[0-5]\d)$/;

/** As the OpenAPI document says it. */
export const instant = { format: 'date-time', pattern: INSTANT.source } as const;

/** A moment that exists, with its offset from UTC: one that the database takes too. */
export const Instant = (): PropertyDecorator =>
  applyDecorators(
    IsISO8601({ strict: true, strictSeparator: true }),
    Matches(INSTANT, { message: '$property must be a time with its offset from UTC' }),
  );
