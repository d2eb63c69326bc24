import {
  applyDecorators,
  createParamDecorator,
  Injectable,
  SetMetadata,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../common/errors.js';
import { Config } from '../config/config.js';
import type { Identity } from './identity.js';
import { RouteLimits, type CountedAs } from './rate-limit/route-limits.js';

/**
 * `operator`: the operator's role. `customer`: a customer with a JWT where `AUTH_REQUIRED` says so, a booking's
 * own token, or an operator; what each may open is then asked of `mayOpen`. `anyone`: a token is not needed, but
 * a bad one is refused.
 */
export type AccessLevel = 'operator' | 'customer' | 'anyone';

const LEVEL = Symbol('fairline:access');
const COUNTED = Symbol('fairline:counted');
const identities = new WeakMap<FastifyRequest, Identity>();

/** @throws AppError `UNAUTHENTICATED` or `FORBIDDEN` */
export function requireAccess(level: AccessLevel, identity: Identity, authRequired: boolean): void {
  if (level === 'anyone') return;
  if (level === 'operator') {
    if (identity.kind === 'anonymous') throw new AppError('UNAUTHENTICATED');
    if (identity.kind !== 'operator') throw new AppError('FORBIDDEN');
    return;
  }
  if (identity.kind === 'service') throw new AppError('FORBIDDEN');
  if (authRequired && identity.kind === 'anonymous') throw new AppError('UNAUTHENTICATED');
}

const byMethod = (method: string): CountedAs => (method === 'GET' || method === 'HEAD' ? 'read' : 'write');

/** Counts and authenticates a request, and lets it pass by the level that `@Access` names; the method's wins. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly limits: RouteLimits,
    private readonly config: Config,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const level = this.reflector.getAllAndOverride<AccessLevel | undefined>(LEVEL, [
      context.getHandler(),
      context.getClass(),
    ]);
    // A route that names no level is nobody's.
    if (level === undefined) throw new AppError('FORBIDDEN');
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const counted = this.reflector.get<CountedAs | undefined>(COUNTED, context.getHandler());
    const identity = await this.limits.enter(
      counted ?? byMethod(request.method),
      request,
      http.getResponse<FastifyReply>(),
    );
    requireAccess(level, identity, this.config.auth.required);
    identities.set(request, identity);
    return true;
  }
}

/** Who may call this route, or every route of this controller. */
export const Access = (level: AccessLevel): MethodDecorator & ClassDecorator =>
  applyDecorators(SetMetadata(LEVEL, level), UseGuards(AccessGuard));

/** What this route is counted as by the limits; without it, by its method. */
export const Counted = (as: CountedAs): MethodDecorator => SetMetadata(COUNTED, as);

/** The caller of a request that `AccessGuard` let pass. */
export function identityOf(request: FastifyRequest): Identity {
  const identity = identities.get(request);
  if (identity === undefined) throw new Error('This route has no @Access, so nobody knows who calls it');
  return identity;
}

/** The caller, as a parameter of a route with `@Access`. */
export const CurrentIdentity = createParamDecorator((_: unknown, context: ExecutionContext): Identity =>
  identityOf(context.switchToHttp().getRequest<FastifyRequest>()),
);
