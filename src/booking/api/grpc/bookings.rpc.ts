import { once } from 'node:events';
import type { Metadata, ServerWritableStream } from '@grpc/grpc-js';
import { Controller } from '@nestjs/common';
import { from, type Observable } from 'rxjs';
import { AppError } from '../../../common/errors.js';
import { signalOf, type Call } from '../../../grpc/call.js';
import { GrpcDoor } from '../../../grpc/grpc-door.js';
import { callerOf, Rpc } from '../../../grpc/rpc.js';
import { SETTLED, type BookingSnapshot } from '../../booking.js';
import { addressKey, isLoopback } from '../../../security/rate-limit/address-key.js';
import { subjectOf } from '../../../security/rate-limit/call-limits.js';
import { BookingFollower, type Watcher } from '../../booking-follower.js';
import { BookingService } from '../../booking.service.js';
import { bookingId } from '../booking-id.js';
import { checkedKey } from '../request-context.js';
import { actorOf, Joining } from './joining.js';
import { bookingMessage, type Message } from './messages.js';
import { countOf, paymentMethodOf, type JoinMessage } from './requests.js';

interface ReadMessage {
  readonly bookingId: string;
  readonly version: string;
}

interface PayMessage {
  readonly bookingId: string;
  readonly paymentMethod: string;
  readonly idempotencyKey?: string;
}

type Stream = ServerWritableStream<unknown, unknown>;

/** `BookingService` of the contract: what customers do with bookings. */
@Controller()
export class BookingsRpc {
  constructor(
    private readonly joining: Joining,
    private readonly service: BookingService,
    private readonly follower: BookingFollower,
    private readonly door: GrpcDoor,
  ) {}

  @Rpc('BookingService', 'anyone', 'acceptance')
  async reserveBooking(message: JoinMessage, _: Metadata, call: Call): Promise<Message> {
    return { acceptance: await this.joining.join(message, call) };
  }

  @Rpc('BookingService', 'anyone', 'write')
  async confirmBooking(message: PayMessage, _: Metadata, call: Call): Promise<Message> {
    const caller = callerOf(call);
    const method = paymentMethodOf(message);
    const key = checkedKey(message.idempotencyKey);
    const id = bookingId(message.bookingId);
    const paying = await this.service.pay(caller.identity, id, method, key, actorOf(caller));
    return { booking: bookingMessage(paying) };
  }

  @Rpc('BookingService', 'anyone', 'read')
  async getBooking(message: ReadMessage, _: Metadata, call: Call): Promise<Message> {
    return { booking: bookingMessage(await this.read(message, call)) };
  }

  @Rpc('BookingService', 'anyone', 'read')
  async watchBooking(message: ReadMessage, _: Metadata, call: Stream): Promise<Observable<Message>> {
    const first = await this.read(message, call);
    const over = AbortSignal.any([signalOf(call), this.door.closes]);
    return from(this.told(this.follower.follow(first, over, watcherOf(call, first.bookingId)), call, over));
  }

  /** As fast as the client takes them. Where the door closes before the end, the client is to come again. */
  private async *told(
    snapshots: AsyncIterable<BookingSnapshot>,
    call: Stream,
    over: AbortSignal,
  ): AsyncGenerator<Message, void> {
    let isOver = false;
    for await (const snapshot of snapshots) {
      yield { booking: bookingMessage(snapshot) };
      isOver = SETTLED.has(snapshot.state);
      if (call.writableNeedDrain) await once(call, 'drain', { signal: over }).catch(() => undefined);
    }
    if (!isOver && !call.cancelled) throw new AppError('UNAVAILABLE', 'This server closes: watch again');
  }

  private read(message: ReadMessage, call: Call): ReturnType<BookingService['snapshot']> {
    const { identity } = callerOf(call);
    return this.service.snapshot(identity, bookingId(message.bookingId), countOf('version', message.version));
  }
}

/** Operators are not counted as customers, nor is the address of a service, where many come from, or of this machine. */
function watcherOf(call: Call, booking: string): Watcher {
  const { identity, service, address } = callerOf(call);
  return {
    booking,
    customer: subjectOf(identity) ?? null,
    address: service !== null || isLoopback(address) ? null : addressKey(address),
  };
}
