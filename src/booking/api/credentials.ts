import { applyDecorators } from '@nestjs/common';
import { ApiSecurity } from '@nestjs/swagger';

/** Names of the security schemes in the OpenAPI document. */
export const JWT = 'bearer';
export const BOOKING_TOKEN = 'bookingToken';

/** Documents that a JWT is needed. */
export const NeedsJwt = (): MethodDecorator & ClassDecorator => ApiSecurity(JWT);

/** Documents that a token is not needed, but looked at where there is one. */
export const TakesJwt = (): MethodDecorator & ClassDecorator =>
  applyDecorators(ApiSecurity({}), ApiSecurity(JWT));

/** Documents that the booking's owner, its own token and operators are let in. */
export const OpensBooking = (): MethodDecorator & ClassDecorator =>
  applyDecorators(ApiSecurity(JWT), ApiSecurity(BOOKING_TOKEN));
