import { ApiExtension } from '@nestjs/swagger';
import type { ErrorCode } from '../../common/errors.js';

/** Where the codes of a route stand until the document is complete. */
export const PROBLEMS = 'x-problems';

/** Documents the refusals of a route, beside those that every route has (`api-document.ts`). */
export const Problems = (...codes: ErrorCode[]): MethodDecorator & ClassDecorator =>
  ApiExtension(PROBLEMS, { codes });
