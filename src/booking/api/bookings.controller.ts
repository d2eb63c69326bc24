import {
  Body,
  Controller,
  Delete,
  Get,
  Header,
  HttpCode,
  Param,
  Post,
  Query,
  Req,
  Res,
} from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import {
  ApiBody,
  ApiExtraModels,
  ApiHeader,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiProduces,
  ApiResponse,
  ApiTags,
  getSchemaPath,
} from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../../common/errors.js';
import { Config } from '../../config/config.js';
import { Access, CurrentIdentity } from '../../security/access.js';
import { BookingTokens } from '../../security/booking-token.js';
import { CHALLENGE_HEADER } from '../../security/challenge/challenges.js';
import { actingAs, type Identity } from '../../security/identity.js';
import { BookingGate } from '../../security/rate-limit/booking-gate.js';
import { QuotaTeller } from '../../security/rate-limit/quota-teller.js';
import { fulfilJobId, type BookingSnapshot } from '../booking.js';
import { BookingService } from '../booking.service.js';
import type { Acceptance } from '../ledger/types.js';
import { bookingId } from './booking-id.js';
import { NeedsJwt, OpensBooking, TakesJwt } from './credentials.js';
import { bookingLinks } from '../../realtime/booking-event.js';
import { AcceptBookingDto, AcceptStayDto } from './dto/accept-booking.dto.js';
import { AcceptanceDto, BookingDto, BookingListDto } from './dto/answers.dto.js';
import { bodySchemaOf, either, shallowSchemaOf } from './dto/body-schema.js';
import { JOINS } from './dto/examples.js';
import { PaymentDto } from './dto/payment.dto.js';
import { BookingsQuery, numberOf, pageOf, VersionQuery } from './dto/queries.dto.js';
import { onTo } from './links.js';
import { Problems } from './problems.js';
import { actorOf, callerOf, idempotencyKey, KEY_HEADER } from './request-context.js';

/** What the route's schema lets through. */
interface AcceptRoute {
  Body: AcceptBookingDto | AcceptStayDto;
}

/** What can be done with a booking, by what it is called. */
const NEXT_STEPS = {
  watch: 'bookings_read',
  pay: 'bookings_pay',
  leave: 'bookings_cancel',
  download: 'bookings_ticket',
  refund: 'admin_refund',
} as const;
const AT_THE_DOOR = { check: 'tickets_read', letIn: 'tickets_redeem' } as const;

const SOLUTION_HEADER = {
  name: 'Fairline-Challenge',
  required: false,
  description:
    'Where a challenge is configured: what the client got for solving it, 8192 characters at most.',
  schema: { type: 'string' },
} as const;

@ApiTags('bookings')
@Controller('api/bookings')
export class BookingsController {
  private readonly authRequired: boolean;
  private readonly publicUrl: string;

  constructor(
    private readonly service: BookingService,
    private readonly gate: BookingGate,
    private readonly quotas: QuotaTeller,
    private readonly tokens: BookingTokens,
    config: Config,
  ) {
    this.authRequired = config.auth.required;
    this.publicUrl = config.http.publicUrl;
  }

  // The one route that a whole crowd calls at once: no guard, no pipe, no interceptor; its body is validated by a
  // schema compiled from the DTO.
  @Post()
  @HttpCode(202)
  @RouteSchema({ body: either('hotelId', bodySchemaOf(AcceptStayDto), bodySchemaOf(AcceptBookingDto)) })
  @TakesJwt()
  @ApiOperation({
    summary: 'Join the line',
    description: '202 means: committed, in its place, and it will settle in exactly one state.',
  })
  @ApiExtraModels(AcceptBookingDto, AcceptStayDto)
  @ApiBody({
    description: 'For tickets of an event, or for rooms of a hotel.',
    schema: { oneOf: [{ $ref: getSchemaPath(AcceptBookingDto) }, { $ref: getSchemaPath(AcceptStayDto) }] },
    examples: JOINS,
  })
  @ApiHeader(KEY_HEADER)
  @ApiHeader(SOLUTION_HEADER)
  @ApiResponse({ status: 202, type: AcceptanceDto, links: onTo('bookingId', NEXT_STEPS) })
  @Problems(
    'VALIDATION_FAILED',
    'MALFORMED_BODY',
    'OFFER_TYPE_REQUIRED',
    'IDEMPOTENCY_KEY_INVALID',
    'UNAUTHENTICATED',
    'USER_MISMATCH',
    'FORBIDDEN',
    'CHALLENGE_REQUIRED',
    'CHALLENGE_FAILED',
    'OFFER_NOT_FOUND',
    'SOLD_OUT',
    'OFFER_PAUSED',
    'OFFER_CLOSED',
    'LIMIT_PER_CUSTOMER',
    'CHECK_IN_PAST',
    'TOO_FAR_AHEAD',
    'STAY_TOO_SHORT',
    'STAY_TOO_LONG',
    'NIGHT_NOT_ON_SALE',
    'PAYLOAD_TOO_LARGE',
    'UNSUPPORTED_MEDIA_TYPE',
    'IDEMPOTENCY_KEY_REUSED',
    'OFFER_NOT_OPEN',
    'LINE_FULL',
    'OVERLOADED',
  )
  async accept(
    @Req() request: FastifyRequest<AcceptRoute>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AcceptanceDto> {
    const { body, raw } = request;
    const { authorization, [CHALLENGE_HEADER]: solution } = request.headers;
    // Nothing here waits, unless a JWT is to be verified, a challenge checked or a remote limiter asked.
    const caller = this.gate.identify(request, authorization);
    const identity = caller instanceof Promise ? await caller : caller;
    const actor = actorOf(request, actingAs(identity, body.userId, this.authRequired));
    const standing = this.gate.admit(request, identity, body.userId, solution);
    this.quotas.tellIfLow(reply, standing instanceof Promise ? await standing : standing);
    return this.acceptance(
      await this.service.accept(body, idempotencyKey(request), actor, () => raw.socket.destroyed),
    );
  }

  @Get()
  @Access('customer')
  @NeedsJwt()
  @ApiOperation({ summary: "One's own bookings, newest first" })
  @ApiOkResponse({ type: BookingListDto, links: onTo('bookings/0/bookingId', NEXT_STEPS) })
  @Problems('VALIDATION_FAILED', 'UNAUTHENTICATED', 'USER_MISMATCH', 'FORBIDDEN')
  async list(
    @CurrentIdentity() identity: Identity,
    @Query() query: BookingsQuery,
  ): Promise<{ bookings: BookingSnapshot[] }> {
    const customer = whose(identity, query.userId);
    return { bookings: await this.service.list(customer, query.before ?? null, pageOf(query.limit)) };
  }

  @Get(':id')
  @Access('anyone')
  @OpensBooking()
  @ApiParam({ name: 'id', schema: { type: 'string', format: 'uuid' } })
  @ApiOperation({ summary: 'A booking as it is now, with its place in the line' })
  @ApiOkResponse({ type: BookingDto, links: onTo('ticketCodes/0', AT_THE_DOOR, 'code') })
  @Problems('VALIDATION_FAILED', 'UNAUTHENTICATED', 'BOOKING_NOT_FOUND')
  read(
    @CurrentIdentity() identity: Identity,
    @Param('id') id: string,
    @Query() query: VersionQuery,
  ): Promise<BookingSnapshot> {
    return this.service.snapshot(identity, bookingId(id), numberOf(query.version, 0));
  }

  @Delete(':id')
  @Access('anyone')
  @OpensBooking()
  @ApiParam({ name: 'id', schema: { type: 'string', format: 'uuid' } })
  @ApiOperation({
    summary: 'Leave the line, give a hold back, or give back what was paid for',
    description:
      'The booking stays, `cancelled` or `refunded`. What was paid for is refunded in full where the terms allow it that the offer had when the booking was accepted, ' +
      'and none of its tickets has been used.',
  })
  @ApiOkResponse({ type: BookingDto })
  @Problems(
    'UNAUTHENTICATED',
    'BOOKING_NOT_FOUND',
    'PAYMENT_IN_PROGRESS',
    'ALREADY_SETTLED',
    'NOT_REFUNDABLE',
    'TICKET_ALREADY_REDEEMED',
  )
  cancel(
    @CurrentIdentity() identity: Identity,
    @Param('id') id: string,
    @Req() request: FastifyRequest,
  ): Promise<BookingSnapshot> {
    return this.service.cancel(identity, bookingId(id), callerOf(request, identity));
  }

  @Post(':id/payment')
  @HttpCode(202)
  @RouteSchema({ body: shallowSchemaOf(PaymentDto) })
  @Access('anyone')
  @OpensBooking()
  @ApiParam({ name: 'id', schema: { type: 'string', format: 'uuid' } })
  @ApiHeader(KEY_HEADER)
  @ApiOperation({ summary: 'Pay for a hold; a worker charges' })
  @ApiResponse({ status: 202, type: BookingDto })
  @Problems(
    'VALIDATION_FAILED',
    'MALFORMED_BODY',
    'IDEMPOTENCY_KEY_INVALID',
    'UNAUTHENTICATED',
    'BOOKING_NOT_FOUND',
    'NOT_HELD',
    'OFFER_CLOSED',
    'HOLD_EXPIRED',
    'PAYMENT_IN_PROGRESS',
    'ALREADY_SETTLED',
    'PAYLOAD_TOO_LARGE',
    'UNSUPPORTED_MEDIA_TYPE',
    'IDEMPOTENCY_KEY_REUSED',
  )
  pay(
    @CurrentIdentity() identity: Identity,
    @Param('id') id: string,
    @Body() body: PaymentDto,
    @Req() request: FastifyRequest,
  ): Promise<BookingSnapshot> {
    return this.service.pay(
      identity,
      bookingId(id),
      body.paymentMethod,
      idempotencyKey(request),
      callerOf(request, identity),
    );
  }

  @Get(':id/ticket.pdf')
  @Access('anyone')
  @OpensBooking()
  @Header('cache-control', 'private, no-store')
  @ApiParam({ name: 'id', schema: { type: 'string', format: 'uuid' } })
  @ApiOperation({ summary: 'The tickets, a page each' })
  @ApiProduces('application/pdf')
  @ApiResponse({
    status: 200,
    content: { 'application/pdf': { schema: { type: 'string', format: 'binary' } } },
  })
  @Problems('UNAUTHENTICATED', 'BOOKING_NOT_FOUND', 'TICKET_NOT_READY')
  async ticket(
    @CurrentIdentity() identity: Identity,
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const name = bookingId(id);
    const pdf = await this.service.document(identity, name, callerOf(request, identity));
    await reply
      .header('content-type', 'application/pdf')
      .header('content-disposition', `inline; filename="ticket-${name}.pdf"`)
      .send(pdf);
  }

  private acceptance(accepted: Acceptance): AcceptanceDto {
    return {
      bookingId: accepted.bookingId,
      jobId: fulfilJobId(accepted.bookingId),
      offerId: accepted.offerId,
      seq: accepted.seq,
      state: 'waiting',
      position: accepted.position,
      estimatedWaitSeconds: accepted.estimatedWaitSeconds,
      version: accepted.version,
      token: this.tokens.issue(accepted.bookingId),
      links: bookingLinks(this.publicUrl, accepted.bookingId),
    };
  }
}

/** Whose bookings a caller may list. */
function whose(identity: Identity, userId: string | undefined): string {
  if (identity.kind === 'operator') return userId ?? identity.userId;
  if (identity.kind !== 'customer')
    throw new AppError('UNAUTHENTICATED', 'A list needs a JWT that names its customer');
  return actingAs(identity, userId ?? identity.userId, true).id;
}
