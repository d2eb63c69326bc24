import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** From 32768 up the system hands ports to outgoing connections, which collide with servers under load. */
const LOWEST = 20_000;
const HIGHEST = 32_767;

/** A port on 127.0.0.1 that nothing listens on now. Somebody else may take it before the caller does. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = randomInt(LOWEST, HIGHEST + 1);
    if (await isFree(port)) return port;
  }
  throw new Error(`No free port between ${LOWEST} and ${HIGHEST}`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
