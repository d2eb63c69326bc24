import {
  type ConsumeOptions,
  type ConsumerActivity,
  type Consumption,
  type DeadLetters,
  JOB_TYPES,
  type JobHandler,
  type JobPriority,
  JobQueue,
  type JobType,
  type NewJob,
  type QueueCounts,
  type QueueFigures,
  type TypeCounts,
} from '../../job-queue.js';
import { toMessage } from '../../message.js';
import type { BoardPlace, QueueBoard } from '../../queue-board.js';
import type { Broker, Report } from './broker.js';
import { bullJobId, type BullQueue } from './bull-queues.js';
import { CAPABILITIES } from './capabilities.js';
import { BullmqConsumption } from './consumption.js';
import { BullmqDeadLetters } from './dead-letters.js';
import { channelsOf, workersOf } from './figures.js';
import { brokerError } from './trouble.js';

/** BullMQ's smaller number goes first, and 0 is its plain and fastest list. */
const PRIORITY: Readonly<Record<JobPriority, number>> = { high: 0, normal: 1, low: 2 };
const BATCH = 1000;
/** BullMQ counts attempts per job, the port per consumer: the consumer decides, so BullMQ never may. */
const ATTEMPTS = 1_000_000_000;
const CLOSE_TIMEOUT_MS = 10_000;

const SUFFIX: Readonly<Record<JobType, string>> = { 'booking.admit': 'admit', 'booking.fulfil': 'fulfil' };
const workQueue = (name: string, type: JobType): string => `${name}-${SUFFIX[type]}`;
const deadQueue = (name: string, type: JobType): string => `${name}-${SUFFIX[type]}-dead`;

/** The names of all queues of BullMQ that the adapter needs. */
export const queueNames = (name: string): string[] =>
  JOB_TYPES.flatMap((type) => [workQueue(name, type), deadQueue(name, type)]);

export interface BullmqParts {
  /** Prefix of all queues. */
  readonly name: string;
  readonly broker: Broker;
  /** By name, as `queueNames` gives them. */
  readonly queues: ReadonlyMap<string, BullQueue>;
  readonly report: Report;
  /** From 0 to below 1, for the jitter. */
  readonly random: () => number;
}

/** The queue on BullMQ: one of BullMQ's queues per type of job. */
export class BullmqJobQueue extends JobQueue {
  readonly capabilities = CAPABILITIES;
  readonly deadLetters: DeadLetters;
  override readonly board = async (place: BoardPlace): Promise<QueueBoard> => {
    const { openBullBoard } = await import('./bull-board.js');
    return openBullBoard([...this.parts.queues.values()], place);
  };
  private readonly dead: BullmqDeadLetters;
  private readonly consumptions = new Set<Pick<BullmqConsumption<JobType>, 'stop' | 'activity'>>();
  private closed: Promise<void> | null = null;

  constructor(private readonly parts: BullmqParts) {
    super();
    for (const queue of parts.queues.values()) {
      queue.on('error', (error) => parts.report(queue.name, error));
    }
    this.dead = new BullmqDeadLetters({
      'booking.admit': this.queue(deadQueue(parts.name, 'booking.admit')),
      'booking.fulfil': this.queue(deadQueue(parts.name, 'booking.fulfil')),
    });
    this.deadLetters = {
      list: (limit) => this.told(this.dead.list(limit)),
      remove: (jobId) => this.told(this.dead.remove(jobId)),
    };
  }

  async publish(jobs: readonly NewJob[]): Promise<void> {
    this.assertOpen();
    const now = new Date();
    const messages = jobs.map((job) => ({ job, message: toMessage(job, now) }));
    for (const type of JOB_TYPES) {
      const bulk = messages
        .filter(({ job }) => job.type === type)
        .map(({ job, message }) => ({
          name: type,
          data: message,
          opts: {
            jobId: bullJobId(job.jobId),
            priority: PRIORITY[job.priority ?? 'normal'],
            delay: job.delayMs ?? 0,
            attempts: ATTEMPTS,
            backoff: { type: 'consumer' },
            removeOnComplete: true,
            removeOnFail: true,
            stackTraceLimit: 0,
          },
        }));
      for (let from = 0; from < bulk.length; from += BATCH) {
        await this.told(this.workQueue(type).addBulk(bulk.slice(from, from + BATCH)));
      }
    }
  }

  async consume<T extends JobType>(
    type: T,
    handle: JobHandler<T>,
    options: ConsumeOptions,
  ): Promise<Consumption> {
    this.assertOpen();
    const { name, broker, report, random } = this.parts;
    const consumption = await BullmqConsumption.start({
      queueName: workQueue(name, type),
      type,
      broker,
      handle,
      options,
      copyDead: (job, reason) => this.dead.copy(job, reason),
      report,
      random,
    });
    this.consumptions.add(consumption);
    return {
      stop: async (timeoutMs) => {
        await consumption.stop(timeoutMs);
        this.consumptions.delete(consumption);
      },
    };
  }

  async counts(): Promise<QueueCounts> {
    const [admit, fulfil, paused] = await this.told(
      Promise.all([
        this.countType('booking.admit'),
        this.countType('booking.fulfil'),
        Promise.all(JOB_TYPES.map((type) => this.workQueue(type).isPaused())),
      ]),
    );
    return { paused: paused.some(Boolean), types: { 'booking.admit': admit, 'booking.fulfil': fulfil } };
  }

  async figures(): Promise<QueueFigures> {
    const { name, broker } = this.parts;
    const [{ types }, version, admit, fulfil] = await this.told(
      Promise.all([
        this.counts(),
        broker.version(),
        workersOf(this.workQueue('booking.admit')),
        workersOf(this.workQueue('booking.fulfil')),
      ]),
    );
    return {
      technology: broker.technology,
      version,
      channels: JOB_TYPES.flatMap((type) =>
        channelsOf(type, types[type], { work: workQueue(name, type), dead: deadQueue(name, type) }),
      ),
      workers: { 'booking.admit': admit, 'booking.fulfil': fulfil },
    };
  }

  activity(): readonly ConsumerActivity[] {
    return [...this.consumptions].map((consumption) => consumption.activity());
  }

  async pause(): Promise<void> {
    await this.told(Promise.all(JOB_TYPES.map((type) => this.workQueue(type).pause())));
  }

  async resume(): Promise<void> {
    await this.told(Promise.all(JOB_TYPES.map((type) => this.workQueue(type).resume())));
  }

  async ping(): Promise<void> {
    this.assertOpen();
    await this.told(this.workQueue('booking.admit').isPaused());
    await this.parts.broker.ping?.();
  }

  close(): Promise<void> {
    this.closed ??= this.shutDown();
    return this.closed;
  }

  private async shutDown(): Promise<void> {
    await Promise.all([...this.consumptions].map((consumption) => consumption.stop(CLOSE_TIMEOUT_MS)));
    await Promise.all([...this.parts.queues.values()].map((queue) => queue.close()));
    await this.parts.broker.close();
  }

  /** @throws BrokerError instead of what the broker's client throws */
  private async told<R>(work: Promise<R>): Promise<R> {
    try {
      return await work;
    } catch (error) {
      throw brokerError(this.parts.broker.technology, error);
    }
  }

  private async countType(type: JobType): Promise<TypeCounts> {
    const [counts, dead] = await Promise.all([
      this.workQueue(type).getJobCounts('waiting', 'prioritized', 'active', 'delayed'),
      this.dead.count(type),
    ]);
    const of = (state: string): number => counts[state] ?? 0;
    return {
      waiting: of('waiting') + of('prioritized'),
      active: of('active'),
      delayed: of('delayed'),
      dead,
    };
  }

  private workQueue(type: JobType): BullQueue {
    return this.queue(workQueue(this.parts.name, type));
  }

  private queue(name: string): BullQueue {
    const queue = this.parts.queues.get(name);
    if (queue === undefined) throw new Error(`The queue ${name} is not registered`);
    return queue;
  }

  private assertOpen(): void {
    if (this.closed !== null) throw new Error('The queue is closed');
  }
}
