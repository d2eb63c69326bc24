import {
  applyDecorators,
  Injectable,
  SetMetadata,
  UseFilters,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { GrpcMethod } from '@nestjs/microservices';
import type { Metadata } from '@grpc/grpc-js';
import { CORRELATION_HEADER, correlationId } from '../common/correlation.js';
import { AppError } from '../common/errors.js';
import { Config } from '../config/config.js';
import { requireAccess } from '../security/access.js';
import type { Identity } from '../security/identity.js';
import { CallLimits, type Caller as LimitedCaller } from '../security/rate-limit/call-limits.js';
import { CallIsOver, type Call } from './call.js';
import type { ServiceName } from './contract.js';
import { peerAddress, peerNames } from './peer.js';
import { RefusalFilter } from './refusal.filter.js';

/**
 * `service`: a client certificate that `GRPC_SERVICE_NAMES` names, or a JWT with the service's role; nobody else, an
 * operator neither. `customer` and `anyone` as over HTTP.
 */
export type CallLevel = 'customer' | 'anyone' | 'service';

/** Which limits a call is counted against: an `acceptance` for its address here, for its customer by the `BookingGate`. */
export type CallKind = 'read' | 'write' | 'acceptance';

/** Who makes a call. */
export interface Caller {
  readonly identity: Identity;
  /**
   * The service at the other end, by its certificate or its JWT; null: none. One with a certificate alone may forward
   * what somebody else sent: that opens nothing of its customers'.
   */
  readonly service: string | null;
  readonly address: string;
  readonly correlationId: string;
}

export interface Rule {
  readonly level: CallLevel;
  readonly kind: CallKind;
}

const RULE = Symbol('fairline:grpc-access');
const callers = new WeakMap<Call, Caller>();

/** Who may call a method, and what it counts as; undefined: no `@Rpc` says it. */
export const ruleOf = (
  method: Parameters<Reflector['get']>[1],
  reflector = new Reflector(),
): Rule | undefined => reflector.get<Rule | undefined>(RULE, method);

/** The caller of a call that the guard let pass. */
export function callerOf(call: Call): Caller {
  const caller = callers.get(call);
  if (caller === undefined) throw new Error('This call passed no guard, so nobody knows who makes it');
  return caller;
}

/** Lets a call pass by the rule that `@Rpc` names. One that is over, by its deadline or its client, is not begun. */
@Injectable()
export class CallGuard implements CanActivate {
  private readonly authRequired: boolean;
  private readonly serviceNames: ReadonlySet<string>;

  constructor(
    private readonly reflector: Reflector,
    private readonly limits: CallLimits,
    config: Config,
  ) {
    this.authRequired = config.auth.required;
    this.serviceNames = new Set(config.grpc.serviceNames);
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const rule = ruleOf(context.getHandler(), this.reflector);
    // A method that names no rule is nobody's.
    if (rule === undefined) throw new AppError('FORBIDDEN');
    const call = context.getArgByIndex<Call>(2);
    callers.set(call, await this.enter(call, rule));
    if (call.cancelled) throw new CallIsOver();
    return true;
  }

  private async enter(call: Call, { level, kind }: Rule): Promise<Caller> {
    const address = peerAddress(call);
    const from = limitedAs(address);
    const identity = await this.limits.identify(from, one(call.metadata, 'authorization'));
    const service = this.serviceOf(call, identity);
    // Services bring the calls of many: the customers of a gateway all come from its address, and are counted themselves.
    if (service === null) await this.limits.ofAddress(kind === 'read' ? 'address-reads' : 'address', from);
    if (level === 'service') requireService(service, identity);
    else if (identity.kind !== 'service') requireAccess(level, identity, this.authRequired);
    if (kind !== 'acceptance')
      await this.limits.ofCustomer(kind === 'read' ? 'customer-reads' : 'customer', identity);
    return { identity, service, address, correlationId: correlationOf(call) };
  }

  private serviceOf(call: Call, identity: Identity): string | null {
    if (identity.kind === 'service') return identity.name;
    return peerNames(call).find((name) => this.serviceNames.has(name)) ?? null;
  }
}

/** Forwarded addresses are not believed here: whoever forwards shows a certificate. */
export const limitedAs = (address: string): LimitedCaller => ({
  ip: address,
  socket: { remoteAddress: address },
});

/** A service's own word alone: with a customer's or an operator's token beside its certificate it only forwards. */
function requireService(service: string | null, identity: Identity): void {
  const isForwarded = identity.kind !== 'anonymous' && identity.kind !== 'service';
  if (isForwarded) throw new AppError('FORBIDDEN', 'This call is for services');
  if (service === null) throw new AppError('UNAUTHENTICATED', 'This call is for services');
}

const correlationOf = (call: Call): string =>
  correlationId({ headers: { [CORRELATION_HEADER]: one(call.metadata, CORRELATION_HEADER) } });

/** The one value of a name; undefined where there is none. */
export function one(metadata: Metadata, name: string): string | undefined {
  const [value] = metadata.get(name);
  return typeof value === 'string' ? value : undefined;
}

/** A method of the contract: which service it belongs to, who may call it, and what it counts as. */
export const Rpc = (service: ServiceName, level: CallLevel, kind: CallKind): MethodDecorator =>
  applyDecorators(
    GrpcMethod(service),
    SetMetadata<symbol, Rule>(RULE, { level, kind }),
    UseGuards(CallGuard),
    UseFilters(RefusalFilter),
  );
