// A real Redis for tests that has written down what it answers (append-only file, flushed on every write).
import { startRedis } from '../support/redis-server.mjs';

export { down, isUp, reachable } from './redis.mjs';
export const variable = 'REDIS_AOF_URL';
export const remedy = 'set REDIS_AOF_URL to a Redis of yours with appendonly yes and appendfsync always';

/**
 * @param {{ folder: string, say: (line: string) => void, record: (details: object) => void }} context
 * @returns {Promise<string>} its URL
 */
export const up = async (context) => (await startRedis({ ...context, isDurable: true })).url;
