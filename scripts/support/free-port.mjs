import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** A port on 127.0.0.1 that is free now, below those that the system hands to outgoing connections. */
export async function freePort() {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = randomInt(20_000, 32_768);
    const free = await new Promise((resolve) => {
      const server = createServer();
      server.once('error', () => resolve(false));
      server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
    });
    if (free) return port;
  }
  throw new Error('No free port between 20000 and 32767');
}
