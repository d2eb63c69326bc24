import type { Config } from './config/config.js';
import { freePort } from './database/embedded/free-port.js';

const NO_PORT = 'http://127.0.0.1:0';

/** The ports of the doors. */
export interface Ports {
  readonly http: number;
  /** Null: gRPC is not served. */
  readonly grpc: number | null;
}

/** With a port of 0 a free one is taken before anything starts: links, origins and all processes name the same one. */
export async function withPort(config: Config): Promise<Config> {
  const { role, http, grpc } = config;
  if (role === 'worker' || (http.port !== 0 && grpc.port !== 0)) return config;
  const chosen = async (port: number): Promise<number> => (port === 0 ? await freePort() : port);
  return atPort(config, {
    http: await chosen(http.port),
    grpc: grpc.port === null ? null : await chosen(grpc.port),
  });
}

export function atPort(config: Config, ports: Ports): Config {
  const { http, grpc } = config;
  const own = http.publicUrl === NO_PORT ? `http://127.0.0.1:${ports.http}` : http.publicUrl;
  return {
    ...config,
    http: { ...http, port: ports.http, publicUrl: own },
    grpc: { ...grpc, port: ports.grpc },
  };
}
