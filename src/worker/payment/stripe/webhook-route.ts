import { Logger } from '@nestjs/common';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../../../common/errors.js';
import { asAppError, problemOf } from '../../../common/problem.js';
import { isRetryable } from '../../../database/database.js';
import { BrokerError } from '../../../queue/broker-error.js';
import { clientAddress } from '../../../security/client-address.js';
import type { StripeWebhook } from './stripe-webhook.js';

export const WEBHOOK_PATH = '/api/payments/stripe/webhook';
/** An event about an intent has some 10 kB. */
const BODY_LIMIT_BYTES = 262_144;

const logger = new Logger('stripe');

/**
 * The route for Stripe's events. A signature is over bytes, so the body is taken as it came; in a scope of its own,
 * so that no other route reads its body otherwise than before.
 */
export const webhookRoute =
  (webhook: StripeWebhook) =>
  (scope: FastifyInstance, _options: unknown, done: () => void): void => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      'application/json',
      { parseAs: 'buffer', bodyLimit: BODY_LIMIT_BYTES },
      (_request, body, parsed) => parsed(null, body),
    );
    scope.setErrorHandler(refuse);
    scope.post(WEBHOOK_PATH, async (request) => {
      const signature = request.headers['stripe-signature'];
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      const result = await webhook.take(body, typeof signature === 'string' ? signature : undefined, {
        address: clientAddress(request),
        correlationId: request.id,
      });
      return { received: true, result };
    });
    done();
  };

/** Routes that are not Nest's are out of reach of its filters. Stripe sends again what was not answered with 2xx. */
function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const refusal =
    asAppError(error) ??
    (isRetryable(error) || error instanceof BrokerError
      ? new AppError('UNAVAILABLE', undefined, { retryAfterSeconds: 1 }, { cause: error })
      : new AppError('INTERNAL', undefined, {}, { cause: error }));
  const about = { correlationId: request.id, code: refusal.code };
  if (refusal.code === 'INTERNAL') logger.error({ ...about, message: 'An event failed', err: error });
  if (refusal.code === 'UNAVAILABLE')
    logger.warn({ ...about, message: 'An event met an outage', err: error });
  const problem = problemOf(refusal, { instance: WEBHOOK_PATH, correlationId: request.id });
  void reply.code(problem.status).headers(problem.headers).send(problem.body);
}
