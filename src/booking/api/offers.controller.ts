import { Body, Controller, Get, Param, Patch, Post, Query, Req } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiCreatedResponse,
  ApiHeader,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import { RouteSchema } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { Access, CurrentIdentity } from '../../security/access.js';
import type { Identity } from '../../security/identity.js';
import type { Offer } from '../ledger/types.js';
import { OfferService } from '../offers/offer.service.js';
import { OfferDto, OfferListDto } from './dto/answers.dto.js';
import { shallowSchemaOf } from './dto/body-schema.js';
import { ChangeOfferDto, CreateOfferDto } from './dto/offer.dto.js';
import { OffersQuery, pageOf } from './dto/queries.dto.js';
import { Problems } from './problems.js';
import { callerOf, idempotencyKey } from './request-context.js';

const OFFER_ID = { name: 'id', schema: { type: 'string' as const, maxLength: 64 } };

@ApiTags('offers')
@Controller('api/offers')
export class OffersController {
  constructor(private readonly service: OfferService) {}

  @Get()
  @Access('anyone')
  @ApiOperation({ summary: 'What is on sale' })
  @ApiOkResponse({ type: OfferListDto })
  @Problems('VALIDATION_FAILED', 'UNAUTHENTICATED')
  async list(@Query() query: OffersQuery): Promise<{ offers: Offer[] }> {
    return { offers: await this.service.list(query.after ?? '', pageOf(query.limit)) };
  }

  @Get(':id')
  @Access('anyone')
  @ApiParam(OFFER_ID)
  @ApiOperation({ summary: 'One offer, with its stock and the length of its line' })
  @ApiOkResponse({ type: OfferDto })
  @Problems('UNAUTHENTICATED', 'OFFER_NOT_FOUND')
  read(@Param('id') id: string): Promise<Offer> {
    return this.service.read(id);
  }

  @Post()
  @RouteSchema({ body: shallowSchemaOf(CreateOfferDto) })
  @Access('operator')
  @ApiBearerAuth()
  @ApiHeader({
    name: 'Idempotency-Key',
    required: false,
    schema: { type: 'string', minLength: 1, maxLength: 200 },
  })
  @ApiOperation({ summary: 'Put a ticket type on sale' })
  @ApiCreatedResponse({ type: OfferDto })
  @Problems(
    'VALIDATION_FAILED',
    'MALFORMED_BODY',
    'IDEMPOTENCY_KEY_INVALID',
    'UNAUTHENTICATED',
    'FORBIDDEN',
    'OFFER_INVALID',
    'OFFER_EXISTS',
    'PAYLOAD_TOO_LARGE',
    'UNSUPPORTED_MEDIA_TYPE',
    'IDEMPOTENCY_KEY_REUSED',
  )
  create(
    @CurrentIdentity() identity: Identity,
    @Body() body: CreateOfferDto,
    @Req() request: FastifyRequest,
  ): Promise<Offer> {
    return this.service.create(body, idempotencyKey(request), callerOf(request, identity));
  }

  @Patch(':id')
  @RouteSchema({ body: shallowSchemaOf(ChangeOfferDto) })
  @Access('operator')
  @ApiBearerAuth()
  @ApiParam(OFFER_ID)
  @ApiOperation({ summary: 'Change price, capacity, times, terms; pause and resume' })
  @ApiOkResponse({ type: OfferDto })
  @Problems(
    'VALIDATION_FAILED',
    'MALFORMED_BODY',
    'UNAUTHENTICATED',
    'FORBIDDEN',
    'OFFER_NOT_FOUND',
    'OFFER_INVALID',
    'CAPACITY_BELOW_SOLD',
    'PAYLOAD_TOO_LARGE',
    'UNSUPPORTED_MEDIA_TYPE',
  )
  change(
    @CurrentIdentity() identity: Identity,
    @Param('id') id: string,
    @Body() body: ChangeOfferDto,
    @Req() request: FastifyRequest,
  ): Promise<Offer> {
    return this.service.change(id, body, callerOf(request, identity));
  }
}
