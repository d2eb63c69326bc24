import { NestFactory } from '@nestjs/core';
import type { QueueType } from '../config/config.js';
import { QueueModule } from './queue.module.js';

const open = (type: QueueType, redisUrl: string | null) =>
  NestFactory.createApplicationContext(
    QueueModule.forRootAsync({
      inject: [],
      useFactory: () => ({ type, name: 'none', redisUrl, databaseUrl: 'postgres://127.0.0.1:1/none' }),
    }),
    { logger: false, abortOnError: false },
  );

describe('The queue module', () => {
  it.each(['streams', 'kafka'] as const)(
    'refuses to start with %s, which it does not have yet',
    async (type) => {
      await expect(open(type, null)).rejects.toThrow(`QUEUE_TYPE=${type} is not part of this version`);
    },
  );

  it('refuses to start where Redis does not answer', async () => {
    await expect(open('bullmq', 'redis://127.0.0.1:1')).rejects.toThrow('Redis does not answer');
  });

  it('refuses to start where PostgreSQL does not answer', async () => {
    await expect(open('bullmq', null)).rejects.toThrow('ECONNREFUSED');
  });
});
