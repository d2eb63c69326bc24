import type { IHeaders, KafkaMessage, Message } from 'kafkajs';
import type { JobMessage, JobPriority, JobType } from '../../job-queue.js';
import { parseMessage } from '../../message.js';
import { PRIORITIES } from './topics.js';

/** A job as it is in a topic. */
export interface Envelope<T extends JobType = JobType> {
  readonly message: JobMessage<T>;
  readonly priority: JobPriority;
  /** Deliveries so far that failed. */
  readonly failures: number;
  /** Consumers that it has crashed so far, as its last topic knew. */
  readonly crashes: number;
  /** Not to be delivered before, in ms since 1970 by the publisher's clock; 0: at once. */
  readonly notBefore: number;
}

/** What one partition keeps in order: an offer's hints, a booking's jobs. */
function keyOf({ data }: JobMessage): string {
  return 'offerId' in data ? data.offerId : data.bookingId;
}

export function toRecord({ message, priority, failures, crashes, notBefore }: Envelope): Message {
  return {
    key: keyOf(message),
    value: JSON.stringify(message),
    headers: {
      ...(priority !== 'normal' && { priority }),
      ...(failures > 0 && { failures: String(failures) }),
      ...(crashes > 0 && { crashes: String(crashes) }),
      ...(notBefore > 0 && { notBefore: String(notBefore) }),
    },
  };
}

/** Null where it is not one of ours. */
export function fromRecord<T extends JobType>(
  type: T,
  { value, headers = {} }: KafkaMessage,
): Envelope<T> | null {
  const message = value === null ? null : parseMessage(type, fromJson(value.toString('utf8')));
  if (message === null) return null;
  // as most are
  if (isEmpty(headers)) return { message, priority: 'normal', failures: 0, crashes: 0, notBefore: 0 };
  const priority = PRIORITIES.find((known) => known === text(headers, 'priority')) ?? 'normal';
  const number = (name: string): number => Number(text(headers, name)) || 0;
  return {
    message,
    priority,
    failures: number('failures'),
    crashes: number('crashes'),
    notBefore: number('notBefore'),
  };
}

function isEmpty(headers: IHeaders): boolean {
  for (const _name in headers) return false;
  return true;
}

export function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function text(headers: IHeaders, name: string): string {
  const value = headers[name];
  return value === undefined ? '' : value.toString();
}
