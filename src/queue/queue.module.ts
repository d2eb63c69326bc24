import {
  type DynamicModule,
  type FactoryProvider,
  Logger,
  Module,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { LazyModuleLoader } from '@nestjs/core';
import type { QueueType } from '../config/config.js';
import type { KafkaSettings } from '../config/kafka.js';
import type { RedisSettings } from '../config/redis.js';
import { JobQueue } from './job-queue.js';
import { reporter } from './reporter.js';

export interface QueueSettings {
  readonly type: QueueType;
  /** Prefix of every queue, stream and topic. */
  readonly name: string;
  /** Null: none is named, and BullMQ runs on PostgreSQL. */
  readonly redis: RedisSettings | null;
  readonly kafka: KafkaSettings | null;
  readonly databaseUrl: string;
}

export interface QueueModuleOptions {
  readonly inject: NonNullable<FactoryProvider['inject']>;
  readonly useFactory: FactoryProvider<QueueSettings>['useFactory'];
}

const SETTINGS = Symbol('QueueSettings');

/**
 * Provides `JobQueue`, everywhere. The application does not start where the broker does not answer.
 * The queue is closed on shutdown; whoever consumes stops its consumptions before (`beforeApplicationShutdown`).
 */
@Module({})
export class QueueModule implements OnApplicationShutdown {
  static forRootAsync({ inject, useFactory }: QueueModuleOptions): DynamicModule {
    return {
      module: QueueModule,
      global: true,
      providers: [
        { provide: SETTINGS, inject, useFactory },
        { provide: JobQueue, inject: [SETTINGS, LazyModuleLoader], useFactory: openQueue },
      ],
      exports: [JobQueue],
    };
  }

  constructor(private readonly queue: JobQueue) {}

  async onApplicationShutdown(): Promise<void> {
    await this.queue.close();
  }
}

/** A process loads the client of the broker that was chosen, and no other. */
async function openQueue(settings: QueueSettings, loader: LazyModuleLoader): Promise<JobQueue> {
  const report = reporter(new Logger('Queue'));
  switch (settings.type) {
    case 'bullmq': {
      const { openBullmq } = await import('./adapters/bullmq/open.js');
      return openBullmq(settings, loader, report);
    }
    case 'streams': {
      const { openStreams } = await import('./adapters/streams/open.js');
      return openStreams(settings, report);
    }
    case 'kafka': {
      const { openKafka } = await import('./adapters/kafka/open.js');
      if (settings.kafka === null) throw new Error('QUEUE_TYPE=kafka needs KAFKA_BOOTSTRAP_SERVERS');
      return openKafka(settings.name, settings.kafka, report);
    }
    default:
      return settings.type satisfies never;
  }
}
