import { Body, Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import {
  ApiBody,
  ApiExtraModels,
  ApiHeader,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiProduces,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Readable } from 'node:stream';
import { AppError } from '../../common/errors.js';
import { isId } from '../../common/ids.js';
import { Access, CurrentIdentity } from '../../security/access.js';
import type { Identity } from '../../security/identity.js';
import type { AuditHead } from '../ledger/audit.js';
import type { AuditPage } from '../ledger/audit-pages.js';
import type { DeadLetter, InvariantReport } from '../ledger/types.js';
import { OperatorService, type QueueReport, type RefundAnswer } from '../operator.service.js';
import { bookingId } from './booking-id.js';
import { NeedsJwt } from './credentials.js';
import {
  AuditDto,
  AuditHeadDto,
  DeadLetterDto,
  DeadLetterListDto,
  ErasedDto,
  InvariantDto,
  InvariantsDto,
  JobCountsDto,
  QueueDto,
  RefundedDto,
} from './dto/answers.dto.js';
import { shallowSchemaOf } from './dto/body-schema.js';
import { AuditQuery, DeadLettersQuery, ExportQuery, pageOf } from './dto/queries.dto.js';
import { ErasureDto } from './dto/erasure.dto.js';
import { RefundDto } from './dto/refund.dto.js';
import { onTo } from './links.js';
import { Problems } from './problems.js';
import { callerOf, idempotencyKey, KEY_HEADER } from './request-context.js';

const LETTER_ID = { name: 'id', schema: { type: 'string' as const, format: 'uuid' } };

const DECISIONS = { replay: 'admin_replay', discard: 'admin_discard' } as const;

@ApiTags('operators')
@NeedsJwt()
@Access('operator')
@Controller('api/admin')
export class AdminController {
  constructor(private readonly service: OperatorService) {}

  @Post('bookings/:id/refund')
  @HttpCode(200)
  @RouteSchema({ body: { ...shallowSchemaOf(RefundDto), type: ['object', 'null'] } })
  @ApiParam({ name: 'id', schema: { type: 'string', format: 'uuid' } })
  @ApiHeader(KEY_HEADER)
  @ApiBody({ type: RefundDto, required: false })
  @ApiOperation({
    summary: 'Give a booking that was paid for back, whatever its terms say',
    description:
      'All of its money is given back by a worker, its tickets are void at once, and its units go to the next in line.',
  })
  @ApiOkResponse({ type: RefundedDto })
  @Problems(
    'VALIDATION_FAILED',
    'MALFORMED_BODY',
    'IDEMPOTENCY_KEY_INVALID',
    'UNAUTHENTICATED',
    'FORBIDDEN',
    'BOOKING_NOT_FOUND',
    'NOT_PAID',
    'PAYMENT_IN_PROGRESS',
    'ALREADY_SETTLED',
    'TICKET_ALREADY_REDEEMED',
    'PAYLOAD_TOO_LARGE',
    'UNSUPPORTED_MEDIA_TYPE',
    'IDEMPOTENCY_KEY_REUSED',
  )
  refund(
    @CurrentIdentity() identity: Identity,
    @Param('id') id: string,
    @Body() body: RefundDto,
    @Req() request: FastifyRequest,
  ): Promise<RefundAnswer> {
    // No body at all is one without wishes; one that says null is not what this route takes.
    if (request.body === null) throw new AppError('MALFORMED_BODY');
    return this.service.refund(bookingId(id), body, idempotencyKey(request), callerOf(request, identity));
  }

  @Get('dead-letters')
  @ApiOperation({ summary: 'Paid bookings whose fulfilment failed for good, newest first' })
  @ApiOkResponse({ type: DeadLetterListDto, links: onTo('deadLetters/0/id', DECISIONS) })
  @Problems('VALIDATION_FAILED', 'UNAUTHENTICATED', 'FORBIDDEN')
  async deadLetters(@Query() query: DeadLettersQuery): Promise<{ deadLetters: DeadLetter[] }> {
    return {
      deadLetters: await this.service.deadLetters(
        query.state ?? null,
        query.before ?? null,
        pageOf(query.limit),
      ),
    };
  }

  @Post('dead-letters/:id/replay')
  @HttpCode(200)
  @ApiParam(LETTER_ID)
  @ApiHeader(KEY_HEADER)
  @ApiOperation({ summary: 'Try again, from the step that failed' })
  @ApiOkResponse({ type: DeadLetterDto })
  @Problems(
    'IDEMPOTENCY_KEY_INVALID',
    'UNAUTHENTICATED',
    'FORBIDDEN',
    'DEAD_LETTER_NOT_FOUND',
    'DEAD_LETTER_RESOLVED',
    'IDEMPOTENCY_KEY_REUSED',
  )
  replay(
    @CurrentIdentity() identity: Identity,
    @Param('id') id: string,
    @Req() request: FastifyRequest,
  ): Promise<DeadLetter> {
    return this.service.replay(letterId(id), idempotencyKey(request), callerOf(request, identity));
  }

  @Post('dead-letters/:id/discard')
  @HttpCode(200)
  @ApiParam(LETTER_ID)
  @ApiHeader(KEY_HEADER)
  @ApiOperation({ summary: 'Give up: the booking is refunded and its units go to the next in line' })
  @ApiOkResponse({ type: DeadLetterDto })
  @Problems(
    'IDEMPOTENCY_KEY_INVALID',
    'UNAUTHENTICATED',
    'FORBIDDEN',
    'DEAD_LETTER_NOT_FOUND',
    'DEAD_LETTER_RESOLVED',
    'IDEMPOTENCY_KEY_REUSED',
  )
  discard(
    @CurrentIdentity() identity: Identity,
    @Param('id') id: string,
    @Req() request: FastifyRequest,
  ): Promise<DeadLetter> {
    return this.service.discard(letterId(id), idempotencyKey(request), callerOf(request, identity));
  }

  @Get('queue')
  @ApiOperation({
    summary: 'What waits, runs and failed on the queue, and on what it runs; answers within two seconds',
  })
  @ApiExtraModels(JobCountsDto)
  @ApiOkResponse({ type: QueueDto })
  @Problems('UNAUTHENTICATED', 'FORBIDDEN', 'QUEUE_UNAVAILABLE')
  queue(): Promise<QueueReport> {
    return this.service.queue();
  }

  @Get('invariants')
  @ApiOperation({ summary: 'Checks F1 to F7 on the whole ledger; reads everything' })
  @ApiExtraModels(InvariantDto)
  @ApiOkResponse({ type: InvariantsDto })
  @Problems('UNAUTHENTICATED', 'FORBIDDEN')
  async invariants(): Promise<{ ok: boolean; invariants: InvariantReport }> {
    const invariants = await this.service.invariants();
    return { ok: Object.values(invariants).every((result) => result.ok), invariants };
  }

  @Get('audit')
  @ApiOperation({
    summary: 'Who did what, newest first',
    description:
      'What is on no page yet begins at `next`. A page of a filter may be short, or empty, although there are more: ' +
      'go on until `next` is null.',
  })
  @ApiOkResponse({ type: AuditDto })
  @Problems('VALIDATION_FAILED', 'UNAUTHENTICATED', 'FORBIDDEN')
  audit(@Query() query: AuditQuery): Promise<AuditPage> {
    const { offerId = null, bookingId: booking = null, before = null, since = null, until = null } = query;
    return this.service.audit({
      ...{ offerId, bookingId: booking, before, since, until, limit: pageOf(query.limit) },
    });
  }

  @Get('audit/head')
  @ApiOperation({
    summary: 'Where the hash chain over the audit log stands',
    description:
      'Kept outside, it proves later that nothing before it was changed, cut off or made anew: ' +
      '`npm run verify -- --anchor <anchor>`.',
  })
  @ApiOkResponse({ type: AuditHeadDto })
  @Problems('UNAUTHENTICATED', 'FORBIDDEN')
  auditHead(): Promise<AuditHead> {
    return this.service.auditHead();
  }

  @Post('erasures')
  @HttpCode(200)
  @RouteSchema({ body: shallowSchemaOf(ErasureDto) })
  @ApiBody({ type: ErasureDto })
  @ApiOperation({
    summary: 'Forget a customer: who booked, their addresses, means of payment, tickets and mails',
    description:
      'What was booked and paid stays, under a pseudonym that nobody can trace back. Refused while a booking of theirs ' +
      'is not over: cancel it, give it back, or wait. Sent again it finds nothing and does nothing.',
  })
  @ApiOkResponse({ type: ErasedDto })
  @Problems(
    'VALIDATION_FAILED',
    'MALFORMED_BODY',
    'UNAUTHENTICATED',
    'FORBIDDEN',
    'BOOKINGS_OPEN',
    'PAYLOAD_TOO_LARGE',
    'UNSUPPORTED_MEDIA_TYPE',
  )
  erase(
    @CurrentIdentity() identity: Identity,
    @Body() body: ErasureDto,
    @Req() request: FastifyRequest,
  ): Promise<{ bookings: number }> {
    return this.service.erase(body.userId, callerOf(request, identity));
  }

  @Get('bookings.ndjson')
  @ApiOperation({
    summary: 'Every booking, a JSON document a line',
    description:
      'Offer by offer, in the order of their lines; each that there is when the export begins comes once. An export ' +
      'that was broken off goes on with `after`, and one of a single offer can be continued later in the same way.',
  })
  @ApiProduces('application/x-ndjson')
  @ApiOkResponse({ content: { 'application/x-ndjson': { schema: { type: 'string' } } } })
  @Problems('VALIDATION_FAILED', 'UNAUTHENTICATED', 'FORBIDDEN', 'BOOKING_NOT_FOUND')
  async export(
    @CurrentIdentity() identity: Identity,
    @Query() query: ExportQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const actor = callerOf(request, identity);
    const lines = Readable.from(
      await this.service.exportLines(query.offerId ?? null, query.after ?? null, actor),
    );
    await reply
      .header('content-type', 'application/x-ndjson')
      .header('cache-control', 'no-store')
      .send(lines);
  }
}

function letterId(text: string): string {
  const id = text.toLowerCase();
  if (!isId(id)) throw new AppError('DEAD_LETTER_NOT_FOUND');
  return id;
}
