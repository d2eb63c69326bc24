import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import { Queue } from 'bullmq';
import fastify from 'fastify';
import type { BoardPlace, QueueBoard } from '../../queue-board.js';
import type { BullQueue } from './bull-queues.js';

/** Bull Board over these queues, on a server of its own that listens nowhere: requests are handed to it. */
export async function openBullBoard(
  queues: readonly BullQueue[],
  { basePath, writable }: BoardPlace,
): Promise<QueueBoard> {
  const pages = new FastifyAdapter().setBasePath(basePath);
  createBullBoard({
    queues: queues.map((queue) => shown(queue, !writable)),
    serverAdapter: pages,
    options: {
      uiConfig: {
        boardTitle: 'Fairline',
        miscLinks: [{ text: 'Sign out', url: `${basePath}/logout` }],
      },
    },
  });
  const server = fastify();
  await server.register(pages.registerPlugin(), { prefix: basePath });
  await server.ready();
  return {
    serve: (request, response) => server.routing(request, response),
    close: () => server.close(),
  };
}

type ShownQueue = ConstructorParameters<typeof BullMQAdapter>[0];

/** Bull Board's types know of BullMQ on Redis alone; what it calls is the same on either backend. */
const canBeShown = (queue: unknown): queue is ShownQueue => queue instanceof Queue;

function shown(queue: unknown, readOnlyMode: boolean): BullMQAdapter {
  if (!canBeShown(queue)) throw new Error('Not a queue of BullMQ');
  return new BullMQAdapter(queue, { readOnlyMode });
}
