import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  type ChannelCredentials,
  Client,
  type ClientReadableStream,
  credentials,
  Metadata,
  type MethodDefinition,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import protobuf from 'protobufjs';

type Json = ReturnType<typeof JSON.parse>;
type Method = MethodDefinition<object, Json>;

const PROTO = resolve('proto');

/** As any client would have it: from the files, not from what the server makes of them. */
const definition = loadSync(
  readdirSync(resolve(PROTO, 'fairline/v1')).map((name) => `fairline/v1/${name}`),
  { includeDirs: [PROTO], longs: Number, enums: String, defaults: true },
);
export const METHODS: readonly string[] = Object.entries(definition)
  .filter(([name, service]) => name.endsWith('Service') && !('format' in service))
  .flatMap(([, service]) => Object.values(service).map((method: Method) => method.path.slice(1)));

const rpc = protobuf.parse(`
  syntax = "proto3";
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
  message BadRequest { message FieldViolation { string field = 1; string description = 2; } repeated FieldViolation field_violations = 1; }
  message RetryInfo { message Duration { int64 seconds = 1; int32 nanos = 2; } Duration retry_delay = 1; }
`).root;

export interface CallOptions {
  readonly token?: string | undefined;
  readonly deadlineMs?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** How a call was refused. */
export interface Refused {
  readonly status: string;
  /** Ours; undefined where gRPC itself refused. */
  readonly code: string | undefined;
  readonly message: string;
  /** By the name of their type, as JSON. */
  readonly details: Readonly<Record<string, Json>>;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** A client of one server, of whichever service. */
export class GrpcClient {
  private readonly client: Client;

  constructor(address: string, how: ChannelCredentials = credentials.createInsecure(), options: object = {}) {
    this.client = new Client(address, how, options);
  }

  /** @param path `BookingService/GetBooking` */
  call(path: string, message: object, options: CallOptions = {}): Promise<Json> {
    const { requestSerialize, responseDeserialize, path: full } = methodOf(path);
    return new Promise((done, failed) => {
      this.client.makeUnaryRequest(
        full,
        requestSerialize,
        responseDeserialize,
        message,
        metadataOf(options),
        callOptions(options),
        (error, answer) => (error === null ? done(answer) : failed(error)),
      );
    });
  }

  stream(path: string, message: object, options: CallOptions = {}): ClientReadableStream<Json> {
    const { requestSerialize, responseDeserialize, path: full } = methodOf(path);
    return this.client.makeServerStreamRequest(
      full,
      requestSerialize,
      responseDeserialize,
      message,
      metadataOf(options),
      callOptions(options),
    );
  }

  /** How it was refused. @throws Error where it was not */
  async refused(path: string, message: object, options: CallOptions = {}): Promise<Refused> {
    const answer = await this.call(path, message, options).catch((error: unknown) => error);
    if (!(answer instanceof Error)) throw new Error(`${path} was not refused: ${JSON.stringify(answer)}`);
    return refusalOf(answer as ServiceError);
  }

  close(): void {
    this.client.close();
  }
}

export function refusalOf(error: ServiceError): Refused {
  const [bytes] = error.metadata.get('grpc-status-details-bin');
  const details: Record<string, Json> = {};
  if (bytes instanceof Buffer) {
    const decoded: Json = rpc.lookupType('Status').decode(bytes);
    for (const { typeUrl, value } of decoded.details) {
      const name = String(typeUrl).replace('type.googleapis.com/google.rpc.', '');
      if (name.includes('/')) continue;
      const type = rpc.lookupType(name);
      details[name] = type.toObject(type.decode(value), { longs: Number });
    }
  }
  const metadata = error.metadata.getMap();
  const code = metadata['fairline-code'];
  return {
    status: status[error.code],
    code: typeof code === 'string' ? code : undefined,
    message: error.details,
    details,
    metadata,
  };
}

function methodOf(path: string): Method {
  const [service = '', method = ''] = path.split('/');
  const found: Json = definition[`fairline.v1.${service}`];
  if (found?.[method] === undefined) throw new Error(`the contract has no ${path}`);
  return found[method];
}

function metadataOf({ token, metadata = {} }: CallOptions): Metadata {
  const sent = new Metadata();
  if (token !== undefined) sent.set('authorization', `Bearer ${token}`);
  for (const [name, value] of Object.entries(metadata)) sent.set(name, value);
  return sent;
}

const callOptions = ({ deadlineMs = 20_000 }: CallOptions): { deadline: number } => ({
  deadline: Date.now() + deadlineMs,
});
