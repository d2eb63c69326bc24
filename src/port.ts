import type { Config } from './config/config.js';
import { freePort } from './database/embedded/free-port.js';

const NO_PORT = 'http://127.0.0.1:0';

/** With `PORT=0` a free port is taken before anything starts: links, origins and all processes name the same one. */
export async function withPort(config: Config): Promise<Config> {
  const needed = config.role !== 'worker' && config.http.port === 0;
  return needed ? atPort(config, await freePort()) : config;
}

export function atPort(config: Config, port: number): Config {
  const { publicUrl } = config.http;
  const own = publicUrl === NO_PORT ? `http://127.0.0.1:${port}` : publicUrl;
  return { ...config, http: { ...config.http, port, publicUrl: own } };
}
