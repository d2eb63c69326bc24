import { Controller, Get, HttpCode, Param, Post, Req } from '@nestjs/common';
import { ApiExtraModels, ApiHeader, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Access, Counted, CurrentIdentity } from '../../security/access.js';
import type { Identity } from '../../security/identity.js';
import { TicketService, type TicketAtTheDoor } from '../tickets/ticket.service.js';
import { NeedsJwt, TakesJwt } from './credentials.js';
import { AnyTicket, TicketDto, VoucherDto } from './dto/answers.dto.js';
import { Problems } from './problems.js';
import { callerOf, idempotencyKey, KEY_HEADER } from './request-context.js';

const CODE = {
  name: 'code',
  description: 'As the QR code or the print below it has it; case and hyphens do not matter.',
  schema: { type: 'string' as const, minLength: 1, maxLength: 64 },
};

@ApiTags('tickets')
@ApiExtraModels(TicketDto, VoucherDto)
@Controller('api/tickets')
export class TicketsController {
  constructor(private readonly service: TicketService) {}

  // Whoever scans the code of a ticket holds the ticket: the code is the credential.
  @Get(':code')
  @Access('anyone')
  @Counted('ticket-code')
  @TakesJwt()
  @ApiParam(CODE)
  @ApiOperation({ summary: 'Whether a ticket or a voucher is genuine, used or revoked' })
  @ApiOkResponse(AnyTicket)
  @Problems('UNAUTHENTICATED', 'TICKET_NOT_FOUND')
  read(@Param('code') code: string): Promise<TicketAtTheDoor> {
    return this.service.read(code);
  }

  @Post(':code/redeem')
  @HttpCode(200)
  @Access('operator')
  @NeedsJwt()
  @ApiParam(CODE)
  @ApiHeader(KEY_HEADER)
  @ApiOperation({ summary: 'Let its holder in, or check the guests of its room in, once' })
  @ApiOkResponse(AnyTicket)
  @Problems(
    'IDEMPOTENCY_KEY_INVALID',
    'UNAUTHENTICATED',
    'FORBIDDEN',
    'TICKET_NOT_FOUND',
    'TICKET_ALREADY_REDEEMED',
    'TICKET_REVOKED',
    'IDEMPOTENCY_KEY_REUSED',
  )
  redeem(
    @CurrentIdentity() identity: Identity,
    @Param('code') code: string,
    @Req() request: FastifyRequest,
  ): Promise<TicketAtTheDoor> {
    return this.service.redeem(code, idempotencyKey(request), callerOf(request, identity));
  }
}
