import protobuf from 'protobufjs';
import { type AppError, ERRORS } from '../common/errors.js';
import type { FieldError } from '../common/problem.js';
import { CONTRACT } from './contract.generated.js';
import { duration } from './values.js';

/** `domain` of the refusals that are ours. */
const DOMAIN = 'fairline';

const text = (id: number): protobuf.IField => ({ type: 'string', id });
const list = (type: string, id: number): protobuf.IField => ({ rule: 'repeated', type, id });
const texts = (id: number): protobuf.IMapField => ({ keyType: 'string', type: 'string', id });

/** What every client library of gRPC knows as google.rpc.Status and its details. */
const rpc = protobuf.Root.fromJSON({
  nested: {
    Any: { fields: { typeUrl: text(1), value: { type: 'bytes', id: 2 } } },
    Status: { fields: { code: { type: 'int32', id: 1 }, message: text(2), details: list('Any', 3) } },
    ErrorInfo: {
      fields: { reason: text(1), domain: text(2), metadata: texts(3) },
    },
    BadRequest: { fields: { fieldViolations: list('FieldViolation', 1) } },
    FieldViolation: { fields: { field: text(1), description: text(2) } },
    RetryInfo: { fields: { retryDelay: { type: 'Duration', id: 1 } } },
    Duration: { fields: { seconds: { type: 'int64', id: 1 }, nanos: { type: 'int32', id: 2 } } },
  },
});

const ours = protobuf.Root.fromJSON(CONTRACT);

type Members = Readonly<Record<string, unknown>>;

const encode = (root: protobuf.Root, name: string, members: Members): Uint8Array =>
  root.lookupType(name).encode(members).finish();

const detail = (name: string, members: Members): Members => ({
  typeUrl: `type.googleapis.com/google.rpc.${name}`,
  value: encode(rpc, name, members),
});

/**
 * A refusal as `grpc-status-details-bin` carries it: an ErrorInfo with its code and members, a BadRequest with what is
 * wrong in which field, a RetryInfo where trying again is worth while; and all of it as the contract's own Problem.
 */
export function statusDetails(status: number, refusal: AppError): Buffer {
  const { errors, retryAfterSeconds, ...members } = refusal.details;
  const fields = fieldErrors(errors);
  const details = [
    detail('ErrorInfo', { reason: refusal.code, domain: DOMAIN, metadata: asTexts(members) }),
    ...(fields.length === 0 ? [] : [detail('BadRequest', { fieldViolations: fields.map(violation) })]),
    ...(typeof retryAfterSeconds === 'number'
      ? [detail('RetryInfo', { retryDelay: duration(retryAfterSeconds) })]
      : []),
    {
      typeUrl: 'type.googleapis.com/fairline.v1.Problem',
      value: encode(ours, 'fairline.v1.Problem', problemMessage(refusal)),
    },
  ];
  return Buffer.from(encode(rpc, 'Status', { code: status, message: messageOf(refusal), details }));
}

/** A refusal as the contract's own message. */
export function problemMessage(refusal: AppError): Members {
  const { retryAfterSeconds, errors } = refusal.details;
  return {
    code: refusal.code,
    title: ERRORS[refusal.code].title,
    ...(refusal.detail !== undefined && { detail: refusal.detail }),
    fields: fieldErrors(errors),
    ...(typeof retryAfterSeconds === 'number' && { retryAfter: duration(retryAfterSeconds) }),
  };
}

/** For a person. */
export const messageOf = (refusal: AppError): string => refusal.detail ?? ERRORS[refusal.code].title;

/** What is wrong with which field, of a refusal. */
export function fieldErrors(errors: unknown): FieldError[] {
  return Array.isArray(errors) ? errors.filter(isFieldError) : [];
}

const isFieldError = (item: unknown): item is FieldError =>
  typeof item === 'object' && item !== null && 'field' in item && 'message' in item;

const violation = ({ field, message }: FieldError): Members => ({ field, description: message });

const asTexts = (members: Members): Record<string, string> =>
  Object.fromEntries(
    Object.entries(members)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
