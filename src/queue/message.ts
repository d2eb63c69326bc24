import type {
  DeadJob,
  FulfilData,
  AdmitData,
  JobDataByType,
  JobMessage,
  JobType,
  NewJob,
} from './job-queue.js';

const JOB_ID = /^(?!\d+$)[A-Za-z0-9_-]{1,128}$/;

/**
 * The message of a new job.
 * @throws RangeError for a job id that not every broker takes.
 */
export function toMessage<T extends JobType>(job: NewJob<T>, now: Date): JobMessage<T> {
  if (!JOB_ID.test(job.jobId)) throw new RangeError(`Not a job id: ${JSON.stringify(job.jobId)}`);
  return { jobId: job.jobId, type: job.type, data: job.data, timestamp: now.toISOString() };
}

type Fields = Readonly<Record<string, unknown>>;
type Parser<T> = (raw: unknown) => T | null;

const isFields = (raw: unknown): raw is Fields =>
  typeof raw === 'object' && raw !== null && !Array.isArray(raw);

const parseAdmit: Parser<AdmitData> = (raw) =>
  isFields(raw) && typeof raw['offerId'] === 'string' ? { offerId: raw['offerId'] } : null;

const parseFulfil: Parser<FulfilData> = (raw) => {
  if (!isFields(raw)) return null;
  const { bookingId, fence, correlationId } = raw;
  const valid =
    typeof bookingId === 'string' && typeof correlationId === 'string' && Number.isSafeInteger(fence);
  return valid && typeof fence === 'number' ? { bookingId, fence, correlationId } : null;
};

const PARSERS: { readonly [T in JobType]: Parser<JobDataByType[T]> } = {
  'booking.admit': parseAdmit,
  'booking.fulfil': parseFulfil,
};

/** What came from a broker as a message of this type, or null where it is none. */
export function parseMessage<T extends JobType>(type: T, raw: unknown): JobMessage<T> | null {
  if (!isFields(raw) || raw['type'] !== type) return null;
  const { jobId, timestamp } = raw;
  const data = PARSERS[type](raw['data']);
  if (data === null || typeof jobId !== 'string' || typeof timestamp !== 'string') return null;
  return { jobId, type, data, timestamp };
}

/** What came from a broker as the copy of a dead job, or null where it is none. */
export function parseDeadJob(type: JobType, raw: unknown): DeadJob | null {
  const message = parseMessage(type, raw);
  if (message === null || !isFields(raw)) return null;
  const { reason, attempts, failedAt } = raw;
  if (typeof reason !== 'string' || typeof attempts !== 'number' || typeof failedAt !== 'string') return null;
  return { ...message, reason, attempts, failedAt };
}
