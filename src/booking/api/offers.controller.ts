import { Body, Controller, Get, Param, Patch, Post, Query, Req } from '@nestjs/common';
import {
  ApiBody,
  ApiCreatedResponse,
  ApiExtraModels,
  ApiHeader,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
  getSchemaPath,
} from '@nestjs/swagger';
import { RouteSchema } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { Access, CurrentIdentity } from '../../security/access.js';
import type { Identity } from '../../security/identity.js';
import type { Night, Offer } from '../ledger/types.js';
import { OfferService } from '../offers/offer.service.js';
import { NeedsJwt, TakesJwt } from './credentials.js';
import { AnyOffer, NightListDto, OfferListDto, RoomOfferDto, TicketOfferDto } from './dto/answers.dto.js';
import { either, shallowSchemaOf } from './dto/body-schema.js';
import { ChangeOfferDto } from './dto/change-offer.dto.js';
import { NEW_OFFERS, OFFER_CHANGES } from './dto/examples.js';
import { CreateOfferDto } from './dto/offer.dto.js';
import { CreateRoomOfferDto } from './dto/room-offer.dto.js';
import { EitherBody } from './either-body.pipe.js';
import { NightsQuery, OffersQuery, pageOf } from './dto/queries.dto.js';
import { onTo } from './links.js';
import { Problems } from './problems.js';
import { callerOf, idempotencyKey, KEY_HEADER } from './request-context.js';

const OFFER_ID = { name: 'id', schema: { type: 'string' as const, minLength: 1, maxLength: 64 } };

const NEXT_STEPS = { read: 'offers_read', change: 'offers_change', nights: 'offers_nights' } as const;

@ApiTags('offers')
@ApiExtraModels(TicketOfferDto, RoomOfferDto)
@Controller('api/offers')
export class OffersController {
  constructor(private readonly service: OfferService) {}

  @Get()
  @Access('anyone')
  @TakesJwt()
  @ApiOperation({ summary: 'What is on sale' })
  @ApiOkResponse({ type: OfferListDto, links: onTo('offers/0/id', NEXT_STEPS) })
  @Problems('VALIDATION_FAILED', 'UNAUTHENTICATED')
  async list(@Query() query: OffersQuery): Promise<{ offers: Offer[] }> {
    return { offers: await this.service.list(query.after ?? '', pageOf(query.limit)) };
  }

  @Get(':id')
  @Access('anyone')
  @TakesJwt()
  @ApiParam(OFFER_ID)
  @ApiOperation({ summary: 'One offer, with its stock and the length of its line' })
  @ApiOkResponse(AnyOffer)
  @Problems('UNAUTHENTICATED', 'OFFER_NOT_FOUND')
  read(@Param('id') id: string): Promise<Offer> {
    return this.service.read(id);
  }

  @Get(':id/nights')
  @Access('anyone')
  @TakesJwt()
  @ApiParam(OFFER_ID)
  @ApiOperation({ summary: 'What a room offer has for each night on sale' })
  @ApiOkResponse({ type: NightListDto })
  @Problems('VALIDATION_FAILED', 'UNAUTHENTICATED', 'OFFER_NOT_FOUND')
  async nights(@Param('id') id: string, @Query() { from, to }: NightsQuery): Promise<{ nights: Night[] }> {
    return { nights: await this.service.nights(id, from, to) };
  }

  @Post()
  @RouteSchema({
    body: either('hotelId', shallowSchemaOf(CreateRoomOfferDto), shallowSchemaOf(CreateOfferDto)),
  })
  @Access('operator')
  @NeedsJwt()
  @ApiHeader(KEY_HEADER)
  @ApiOperation({ summary: 'Put a ticket type of an event, or a room type of a hotel, on sale' })
  @ApiExtraModels(CreateOfferDto, CreateRoomOfferDto)
  @ApiBody({
    schema: { oneOf: [{ $ref: getSchemaPath(CreateOfferDto) }, { $ref: getSchemaPath(CreateRoomOfferDto) }] },
    examples: NEW_OFFERS,
  })
  @ApiCreatedResponse({
    ...AnyOffer,
    links: onTo('id', NEXT_STEPS),
  })
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
    @Body(new EitherBody('hotelId', CreateRoomOfferDto, CreateOfferDto))
    body: CreateOfferDto | CreateRoomOfferDto,
    @Req() request: FastifyRequest,
  ): Promise<Offer> {
    const key = idempotencyKey(request);
    const actor = callerOf(request, identity);
    return 'hotelId' in body
      ? this.service.createRooms(body, key, actor)
      : this.service.create(body, key, actor);
  }

  @Patch(':id')
  @RouteSchema({ body: shallowSchemaOf(ChangeOfferDto) })
  @Access('operator')
  @NeedsJwt()
  @ApiParam(OFFER_ID)
  @ApiBody({ type: ChangeOfferDto, examples: OFFER_CHANGES })
  @ApiOperation({ summary: 'Change price, capacity, times, terms; pause and resume' })
  @ApiOkResponse(AnyOffer)
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
