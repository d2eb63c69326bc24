import type { MethodDefinition } from '@grpc/grpc-js';
import { service as health } from 'grpc-health-check';
import type { HostPort } from '../config/redis.js';
import type { RemoteSettings } from '../config/remote.js';
import { contract, PACKAGE, type ServiceName } from '../grpc/contract.js';
import { TokenSource } from './access.js';
import { GatewayProbe } from './gateway-probe.js';
import { GrpcCaller, type CallerLog, type Methods } from './grpc-caller.js';
import {
  type Caller,
  type CallListener,
  type CallOutcome,
  type RemoteName,
  Remotes,
  type RemoteState,
} from './remotes.js';

/** Calls of the health check wait no longer. */
const HEALTH_DEADLINE_MS = 1000;

/** The configured services, called by gRPC. Loaded where one of them is set, and nowhere else. */
export class GrpcRemotes extends Remotes {
  private readonly callers = new Map<RemoteName, GrpcCaller>();
  private readonly listeners: CallListener[] = [];
  private probe: GatewayProbe | null = null;

  /** @throws Error where certificates cannot be read */
  constructor(
    private readonly settings: RemoteSettings,
    private readonly log: CallerLog,
  ) {
    super();
    const { ticketService, bookingService, realtimeService, rateLimiter, gateway, deadlineMs } = settings;
    const token = new TokenSource(settings.token);
    const services = contract();
    const open = (name: RemoteName, at: HostPort | undefined | null, service: ServiceName, most: number) => {
      if (at === undefined || at === null) return;
      // who counts, or may lose anything, is not asked twice
      const retries = name === 'ticket' || name === 'booking';
      const methods = methodsOf(services[`${PACKAGE}.${service}`]);
      this.add({ name, at, methods, deadlineMs: most, tls: settings.tls, token, retries });
    };
    open('ticket', ticketService, 'TicketService', deadlineMs);
    open('booking', bookingService?.at, 'BookingService', deadlineMs);
    open('realtime', realtimeService, 'RealtimeService', deadlineMs);
    open('limiter', rateLimiter?.at, 'RateLimiterService', rateLimiter?.deadlineMs ?? deadlineMs);
    if (gateway !== null) this.watchGateway(gateway, token);
  }

  override caller(name: Exclude<RemoteName, 'gateway'>): Caller | null {
    return this.callers.get(name) ?? null;
  }

  override states(): ReadonlyMap<RemoteName, RemoteState> {
    const states = new Map<RemoteName, RemoteState>();
    for (const [name, caller] of this.callers) states.set(name, caller.state);
    if (this.probe !== null) states.set('gateway', this.probe.state);
    return states;
  }

  override watch(listener: CallListener): void {
    this.listeners.push(listener);
  }

  override close(): void {
    this.probe?.stop();
    for (const caller of this.callers.values()) caller.close();
  }

  private watchGateway(at: HostPort, token: TokenSource): void {
    const { tls } = this.settings;
    const methods = methodsOf(health);
    this.add({
      name: 'gateway',
      at,
      methods,
      deadlineMs: HEALTH_DEADLINE_MS,
      tls,
      token,
      retries: false,
    });
    const caller = this.callers.get('gateway');
    if (caller === undefined) return;
    this.probe = new GatewayProbe(caller);
    this.probe.start();
  }

  private add(options: ConstructorParameters<typeof GrpcCaller>[0]): void {
    const told = (service: RemoteName, outcome: CallOutcome, seconds: number): void => {
      for (const listener of this.listeners) listener(service, outcome, seconds);
    };
    this.callers.set(options.name, new GrpcCaller(options, told, this.log));
  }
}

/** Of a loaded contract, the methods of one service. @throws TypeError where it is none */
function methodsOf(loaded: unknown): Methods {
  if (!isService(loaded)) throw new TypeError('The contract has no such service');
  return loaded;
}

const isService = (loaded: unknown): loaded is Methods =>
  typeof loaded === 'object' && loaded !== null && Object.values(loaded).every(isMethod);

const isMethod = (member: unknown): member is MethodDefinition<object, object> =>
  typeof member === 'object' && member !== null && 'requestSerialize' in member && 'path' in member;
