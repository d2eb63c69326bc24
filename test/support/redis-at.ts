import { Reader } from '../../src/config/reader.js';
import { redisSettings, type RedisSettings } from '../../src/config/redis.js';

/** The settings of a Redis at this URL, as the application would read them. */
export function redisAt(url: string): RedisSettings {
  const settings = redisSettings(new Reader({ REDIS_URL: url }));
  if (settings === null) throw new Error(`Not a Redis: ${url}`);
  return settings;
}
