import { NestFactory } from '@nestjs/core';
import type { QueueType } from '../config/config.js';
import { kafkaSettings } from '../config/kafka.js';
import { Reader } from '../config/reader.js';
import { redisSettings, type RedisSettings } from '../config/redis.js';
import { QueueModule } from './queue.module.js';

const nowhere = redisSettings(new Reader({ REDIS_URL: 'redis://127.0.0.1:1' }));
const noKafka = kafkaSettings(new Reader({ KAFKA_BOOTSTRAP_SERVERS: '127.0.0.1:1' }));

const open = (type: QueueType, redis: RedisSettings | null) =>
  NestFactory.createApplicationContext(
    QueueModule.forRootAsync({
      inject: [],
      useFactory: () => ({
        ...{ type, name: 'none', redis, kafka: noKafka, databaseUrl: 'postgres://127.0.0.1:1/none' },
      }),
    }),
    { logger: false, abortOnError: false },
  );

describe('The queue module', () => {
  it('refuses to start where Kafka does not answer', async () => {
    await expect(open('kafka', null)).rejects.toMatchObject({
      code: 'BROKER_UNREACHABLE',
      message: expect.stringContaining('Kafka at 127.0.0.1:1'),
    });
  });

  it.each(['bullmq', 'streams'] as const)(
    'refuses to start where Redis does not answer, with %s',
    async (type) => {
      await expect(open(type, nowhere)).rejects.toMatchObject({
        code: 'BROKER_UNREACHABLE',
        message: expect.stringContaining('Redis at 127.0.0.1:1'),
      });
    },
  );

  it('refuses to start where PostgreSQL does not answer', async () => {
    await expect(open('bullmq', null)).rejects.toThrow('ECONNREFUSED');
  });
});
