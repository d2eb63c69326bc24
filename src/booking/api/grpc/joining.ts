import { Injectable } from '@nestjs/common';
import type { Actor } from '../../booking.js';
import { fulfilJobId } from '../../booking.js';
import { BookingService } from '../../booking.service.js';
import type { Acceptance } from '../../ledger/types.js';
import { Config } from '../../../config/config.js';
import type { Call } from '../../../grpc/call.js';
import { callerOf, limitedAs, one, type Caller } from '../../../grpc/rpc.js';
import { stateName } from '../../../grpc/values.js';
import { bookingLinks } from '../../../realtime/booking-event.js';
import { BookingTokens } from '../../../security/booking-token.js';
import { CHALLENGE_HEADER } from '../../../security/challenge/challenges.js';
import { actingAs } from '../../../security/identity.js';
import { BookingGate } from '../../../security/rate-limit/booking-gate.js';
import { behind, checkedKey } from '../request-context.js';
import type { Message } from './messages.js';
import { joinRequestOf, type JoinMessage } from './requests.js';

/** Into the line, by whichever method: through the same gate and the same commit as over HTTP. */
@Injectable()
export class Joining {
  private readonly authRequired: boolean;
  private readonly publicUrl: string;

  constructor(
    private readonly service: BookingService,
    private readonly gate: BookingGate,
    private readonly tokens: BookingTokens,
    config: Config,
  ) {
    this.authRequired = config.auth.required;
    this.publicUrl = config.http.publicUrl;
  }

  /**
   * Resolves after the commit. Where nobody waits any more by the time it begins, there is none.
   * @throws AppError with the code of the refusal
   */
  async join(message: JoinMessage, call: Call): Promise<Message> {
    const caller = callerOf(call);
    const request = joinRequestOf(message);
    const key = checkedKey(message.idempotencyKey);
    const actor = actorFor(caller, request.userId, this.authRequired);
    if (caller.identity.kind !== 'service') {
      const solution = one(call.metadata, CHALLENGE_HEADER);
      await this.gate.admit(limitedAs(caller.address), caller.identity, request.userId, solution);
    }
    return this.message(await this.service.accept(request, key, actor, () => call.cancelled));
  }

  private message({ bookingId, offerId, seq, position, estimatedWaitSeconds, version }: Acceptance): Message {
    return {
      ...{ bookingId, offerId, seq, position, estimatedWaitSeconds, version },
      jobId: fulfilJobId(bookingId),
      state: stateName('waiting'),
      token: this.tokens.issue(bookingId),
      links: bookingLinks(this.publicUrl, bookingId),
    };
  }
}

/** Who does it, for the audit log. */
export const actorOf = ({ identity, address, correlationId }: Caller): Actor => ({
  ...behind(identity),
  address,
  correlationId,
});

/** As over HTTP; and a service that says so by a JWT of its own books for anyone, as an operator does. */
function actorFor(caller: Caller, userId: string, authRequired: boolean): Actor {
  const { identity, address, correlationId } = caller;
  if (identity.kind === 'service') return actorOf(caller);
  return { ...actingAs(identity, userId, authRequired), address, correlationId };
}
