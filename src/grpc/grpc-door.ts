import { setTimeout as sleep } from 'node:timers/promises';
import { logVerbosity, Server, setLogVerbosity, type ServerCredentials } from '@grpc/grpc-js';
import type { EnumTypeDefinition, PackageDefinition } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { ServerGrpc } from '@nestjs/microservices';
import { HealthImplementation } from 'grpc-health-check';
import type { GrpcSettings } from '../config/grpc.js';
import { boundConnections } from './connections.js';
import { contract, PACKAGE, SERVICES } from './contract.js';
import { serverCredentials } from './credentials.js';

export interface DoorOptions {
  readonly host: string;
  readonly port: number;
  readonly settings: Omit<GrpcSettings, 'port'>;
  /** Tells anyone who asks what can be called. */
  readonly reflection: boolean;
  /** Calls under way get so long to end when the door closes. */
  readonly closingMs: number;
  /** A request gets so long to come whole; 10 s unless it is named. */
  readonly requestMs?: number;
}

/** `''` is the server as a whole. */
const HEALTH_NAMES = ['', ...SERVICES.map((name) => `${PACKAGE}.${name}`)];
/** What has been answered is sent, and whoever only listens is let go. */
const LAST_WORDS_MS = 250;
/** From the head of a call to the end of its message. */
const REQUEST_MS = 10_000;
/** A connection without a call is closed after so long; clients open another when they need one. */
const IDLE_MS = 300_000;

/**
 * The gRPC server, as Nest's own transport with what that leaves out: limits, certificates, health, reflection, the
 * port that it got, and an end that waits for calls but not for ever.
 */
export class GrpcDoor extends ServerGrpc {
  private readonly health = new HealthImplementation(
    Object.fromEntries(HEALTH_NAMES.map((name) => [name, 'NOT_SERVING'])),
  );
  private readonly credentials: ServerCredentials;
  private readonly closing = new AbortController();
  private underWay = 0;
  private server: Server | undefined;
  private closed: Promise<void> | undefined;

  /** @throws Error where a certificate cannot be used */
  constructor(
    private readonly door: DoorOptions,
    definition: PackageDefinition = contract(),
  ) {
    super({ package: PACKAGE, packageDefinition: definition });
    this.credentials = serverCredentials(door.settings.tls);
    // It writes to the standard error by itself what it also throws or answers.
    setLogVerbosity(logVerbosity.NONE);
    this.setOnProcessingStartHook((_transport, _call, handle) => {
      this.underWay++;
      return handle();
    });
    this.setOnProcessingEndHook(() => void this.underWay--);
  }

  /** Aborted when the door closes: what would go on for long ends then. */
  get closes(): AbortSignal {
    return this.closing.signal;
  }

  /** Tells those who ask for its health. */
  isServing(serving: boolean): void {
    for (const name of HEALTH_NAMES)
      this.health.setStatus(name, serving && !this.closes.aborted ? 'SERVING' : 'NOT_SERVING');
  }

  /** @throws Error where the port cannot be had */
  override async createClient(): Promise<Server> {
    const { settings } = this.door;
    const server = new Server({
      'grpc.max_receive_message_length': settings.maxMessageBytes,
      'grpc.max_send_message_length': settings.maxMessageBytes,
      'grpc.max_concurrent_streams': settings.maxConcurrentCalls,
      // A connection whose other end has vanished is closed within a minute and a half.
      'grpc.keepalive_time_ms': 60_000,
      'grpc.keepalive_timeout_ms': 20_000,
      'grpc.max_connection_idle_ms': IDLE_MS,
    });
    this.health.addToServer(server);
    if (this.door.reflection) await this.reflect(server);
    await this.bind(server);
    this.server = server;
    boundConnections(server, {
      perProcess: settings.connectionsPerProcess,
      perAddress: settings.connectionsPerAddress,
      requestMs: this.door.requestMs ?? REQUEST_MS,
    });
    return server;
  }

  /** Takes no new call and ends the long ones; what is under way may finish within its bound. Idempotent. */
  override close(): Promise<void> {
    this.closed ??= this.drain();
    return this.closed;
  }

  private bind(server: Server): Promise<void> {
    const { host, port } = this.door;
    const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    return new Promise((resolve, reject) => {
      server.bindAsync(address, this.credentials, (error) => {
        if (error === null) resolve();
        else reject(new Error(`GRPC_PORT: cannot listen on ${address}`, { cause: error }));
      });
    });
  }

  private async reflect(server: Server): Promise<void> {
    const { DESCRIPTORS } = await import('./descriptors.generated.js');
    const files = DESCRIPTORS.map((file) => Buffer.from(file, 'base64'));
    // What the loader makes of the contract names types in ways that clients of reflection do not find.
    const described: EnumTypeDefinition = {
      format: 'Protocol Buffer 3 EnumDescriptorProto',
      type: {},
      fileDescriptorProtos: files,
    };
    new ReflectionService({ described }).addToServer(server);
  }

  private async drain(): Promise<void> {
    this.closing.abort();
    this.isServing(false);
    const { server } = this;
    if (server === undefined) return;
    const ended = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
    await Promise.race([ended, this.emptyBy(performance.now() + this.door.closingMs)]);
    server.forceShutdown();
  }

  private async emptyBy(end: number): Promise<void> {
    while (this.underWay > 0 && performance.now() < end) await sleep(20);
    await sleep(LAST_WORDS_MS);
  }
}
