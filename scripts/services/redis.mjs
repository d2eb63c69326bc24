// A real Redis for tests, in memory: what it holds is lost with it. `redis-aof` is one that writes everything down.
import { isReachable } from '../support/reachable.mjs';
import { endRedis, isRedisAt, startRedis } from '../support/redis-server.mjs';

export const variable = 'REDIS_URL';
export const remedy = 'set REDIS_URL to a Redis of yours';

/** @param {string} url */
export const reachable = (url) => isReachable(url, 6379);

/**
 * @param {{ folder: string, say: (line: string) => void, record: (details: object) => void }} context
 * @returns {Promise<string>} its URL
 */
export const up = async (context) => (await startRedis(context)).url;

/** @param {{ port: number, folder: string }} details as recorded */
export const down = (details) => endRedis(details);

/** @param {{ port: number, folder: string }} details as recorded */
export const isUp = (details) => isRedisAt(details);
