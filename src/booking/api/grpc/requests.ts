import type { Type } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { AppError } from '../../../common/errors.js';
import { validationFailed } from '../../../common/problem.js';
import { isCleanText } from '../../../common/text.js';
import { refusalOf } from '../../../common/validation.js';
import { fieldErrors } from '../../../grpc/error-details.js';
import type { JoinRequest } from '../../booking.service.js';
import { AcceptBookingDto, AcceptStayDto } from '../dto/accept-booking.dto.js';
import { PaymentDto } from '../dto/payment.dto.js';
import { nightsOf } from '../../nights.js';

/** Messages as they come off the wire: of their types, and with anything in them. */

export interface UnitsMessage {
  readonly tickets?: { readonly eventId: string; readonly ticketType?: string; readonly quantity?: number };
  readonly stay?: {
    readonly hotelId: string;
    readonly roomType?: string;
    readonly checkIn: string;
    readonly checkOut: string;
    readonly rooms?: number;
  };
}

export interface JoinMessage {
  readonly request: {
    readonly userId: string;
    readonly units: UnitsMessage | null;
    readonly email?: string;
    readonly paymentMethod?: string;
  } | null;
  readonly idempotencyKey?: string;
}

/** By the same rules as over HTTP; what is wrong is named by its place in the message. */
export function joinRequestOf({ request }: JoinMessage): JoinRequest {
  if (request === null) throw missing('request');
  const { units, ...who } = request;
  const { dto, plain, path } = unitsOf(units, 'request.units');
  const of = (field: string): string => (field in who ? 'request' : path);
  return checkedRequest(dto, { ...who, ...plain }, (field) => `${of(field)}.${inProto(field)}`);
}

/** Which units a message is about; `userId` is what a ticket service is not told. */
export function checkedUnits(units: UnitsMessage | null): JoinRequest {
  const { dto, plain, path } = unitsOf(units, 'units');
  return checkedRequest(dto, { userId: 'service', ...plain }, (field) => `${path}.${inProto(field)}`);
}

/** As `checkedUnits`, with as many units as anybody likes: how many of them are there is the question. */
export function askedUnits(units: UnitsMessage | null): { asked: JoinRequest; quantity: number } {
  const { tickets, stay } = units ?? {};
  const quantity = tickets?.quantity ?? stay?.rooms ?? 1;
  if (quantity < 1) throw validationFailed([{ field: 'units', message: 'units must be 1 or more' }]);
  const one =
    tickets !== undefined
      ? { tickets: { ...tickets, quantity: 1 } }
      : stay !== undefined
        ? { stay: { ...stay, rooms: 1 } }
        : null;
  return { asked: checkedUnits(one), quantity };
}

export function paymentMethodOf(message: { readonly paymentMethod: string }): string {
  const { paymentMethod } = message;
  return checked(PaymentDto, { paymentMethod }, inProto).paymentMethod;
}

function unitsOf(
  units: UnitsMessage | null,
  at: string,
): { dto: Type<AcceptBookingDto> | Type<AcceptStayDto>; plain: object; path: string } {
  if (units?.tickets !== undefined)
    return { dto: AcceptBookingDto, plain: { ...units.tickets }, path: `${at}.tickets` };
  if (units?.stay !== undefined) return { dto: AcceptStayDto, plain: { ...units.stay }, path: `${at}.stay` };
  throw missing(at);
}

/** With nights that exist, where it is for some. */
function checkedRequest(
  dto: Type<AcceptBookingDto> | Type<AcceptStayDto>,
  plain: object,
  nameOf: (field: string) => string,
): JoinRequest {
  const request = checked<JoinRequest>(dto, plain, nameOf);
  try {
    if ('hotelId' in request) nightsOf(request.checkIn, request.checkOut);
  } catch (error) {
    if (error instanceof AppError) throw renamed(error, nameOf);
    throw error;
  }
  return request;
}

function checked<T extends object>(dto: Type<T>, plain: object, nameOf: (field: string) => string): T {
  const instance = plainToInstance(dto, plain);
  const errors = validateSync(instance, { forbidUnknownValues: true, validationError: { target: false } });
  if (errors.length === 0) return instance;
  throw renamed(refusalOf(errors), nameOf);
}

/** What is wrong, by the names that the message has. */
function renamed(refusal: AppError, nameOf: (field: string) => string): AppError {
  const found = fieldErrors(refusal.details['errors']);
  return validationFailed(found.map(({ field, message }) => ({ field: nameOf(field), message })));
}

/** A 64-bit number, as text on its way here, that is 0 or more. */
export function countOf(field: string, text: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count >= 0) return count;
  throw validationFailed([{ field, message: `${field} must be a whole number from 0 on` }]);
}

/** @param max beyond it is as wrong as below 1 */
export function amountOf(field: string, amount: number, max: number): number {
  if (amount >= 1 && amount <= max) return amount;
  throw validationFailed([{ field, message: `${field} must be from 1 to ${max}` }]);
}

/** What cannot be an id names no offer. */
export function offerIdOf(text: string): string {
  if (text === '' || text.length > 200 || !isCleanText(text)) throw new AppError('OFFER_NOT_FOUND');
  return text;
}

const missing = (field: string): AppError => validationFailed([{ field, message: `${field} is required` }]);

const inProto = (field: string): string => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
