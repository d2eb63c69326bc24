import type { Metadata } from '@grpc/grpc-js';
import { Controller, Inject, Logger, Optional } from '@nestjs/common';
import { AppError } from '../../../common/errors.js';
import { signalOf, type Call } from '../../../grpc/call.js';
import { problemMessage } from '../../../grpc/error-details.js';
import { GrpcDoor } from '../../../grpc/grpc-door.js';
import { refusalOf } from '../../../grpc/refusal.filter.js';
import { callerOf, limitedAs, Rpc } from '../../../grpc/rpc.js';
import { stateName } from '../../../grpc/values.js';
import { LineViews } from '../../../realtime/line-views.js';
import { windowOf } from '../../../realtime/night-window.js';
import { CallLimits } from '../../../security/rate-limit/call-limits.js';
import { BookingService } from '../../booking.service.js';
import { ClientNews } from '../../client-news.js';
import { Ledger } from '../../ledger/ledger.js';
import { LineWork, type WorkedBooking } from '../../line-work.js';
import { bookingId } from '../booking-id.js';
import { actorOf, Joining } from './joining.js';
import { bookingMessage, lineMessage, type Message } from './messages.js';
import { amountOf, countOf, offerIdOf, type JoinMessage } from './requests.js';

const MAX_BATCH = 500;
const MAX_WORK = 100;

interface StatusMessage {
  readonly bookingId?: string;
  readonly offerId?: string;
  readonly version: string;
}

/** `BookingWorkerService` of the contract: the line, and the work behind it. */
@Controller()
export class BookingWorkerRpc {
  private readonly logger = new Logger('grpc');

  constructor(
    private readonly joining: Joining,
    private readonly service: BookingService,
    private readonly views: LineViews,
    private readonly news: ClientNews,
    private readonly ledger: Ledger,
    private readonly limits: CallLimits,
    private readonly door: GrpcDoor,
    @Optional() @Inject(LineWork) private readonly work: LineWork | undefined,
  ) {}

  @Rpc('BookingWorkerService', 'anyone', 'acceptance')
  async enqueueBooking(message: JoinMessage, _: Metadata, call: Call): Promise<Message> {
    return { acceptance: await this.joining.join(message, call) };
  }

  @Rpc('BookingWorkerService', 'anyone', 'acceptance')
  async enqueueBookings(
    { requests }: { readonly requests: readonly JoinMessage[] },
    _: Metadata,
    call: Call,
  ): Promise<Message> {
    amountOf('requests', requests.length, MAX_BATCH);
    // All at once: they gather in the next commit, in their order.
    return { results: await Promise.all(requests.map((request, index) => this.one(request, index, call))) };
  }

  @Rpc('BookingWorkerService', 'anyone', 'read')
  async getQueueStatus(message: StatusMessage, _: Metadata, call: Call): Promise<Message> {
    const version = countOf('version', message.version);
    if (message.bookingId === undefined) {
      return { line: lineMessage(await this.views.event(offerIdOf(message.offerId ?? ''), version, null)) };
    }
    const { identity } = callerOf(call);
    const booking = await this.service.snapshot(identity, bookingId(message.bookingId), version);
    const line = await this.views.event(booking.offerId, booking.version, windowOf(booking.stay));
    return { booking: bookingMessage(booking), line: lineMessage(line) };
  }

  @Rpc('BookingWorkerService', 'service', 'write')
  async dequeueAndProcess(
    message: { readonly offerId: string; readonly max: number },
    _: Metadata,
    call: Call,
  ): Promise<Message> {
    const offerId = offerIdOf(message.offerId);
    const max = amountOf('max', message.max, MAX_WORK);
    if (this.work === undefined) throw new AppError('NOT_SERVED_HERE', 'This process has no worker');
    await this.ledger.noteOperation('line.work', null, actorOf(callerOf(call)), { offerId, max });
    const over = AbortSignal.any([signalOf(call), this.door.closes]);
    const done = await this.work.process(offerId, max, over);
    if (done === null) throw new AppError('OFFER_NOT_FOUND');
    return { granted: done.granted, processed: done.worked.map(workedMessage) };
  }

  @Rpc('BookingWorkerService', 'service', 'write')
  async notifyClient(message: { readonly bookingId: string }): Promise<Message> {
    const { state, version } = await this.news.ofBooking(bookingId(message.bookingId));
    return { state: stateName(state), version };
  }

  private async one(request: JoinMessage, index: number, call: Call): Promise<Message> {
    try {
      const { address, service } = callerOf(call);
      // The call itself was counted for the first.
      if (index > 0 && service === null) await this.limits.ofAddress('address', limitedAs(address));
      return { acceptance: await this.joining.join(request, call) };
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal.code === 'INTERNAL')
        this.logger.error({ message: 'A request of a batch failed', err: error });
      return { problem: problemMessage(refusal) };
    }
  }
}

const workedMessage = ({ state, failure, ...rest }: WorkedBooking): Message => ({
  ...rest,
  state: stateName(state),
  ...(failure !== null && { problem: problemMessage(refusalOf(failure)) }),
});
