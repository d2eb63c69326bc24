// A real Redis for tests, in memory: what it holds is lost with it. `redis-aof` is one that writes everything down.
import { spawn } from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { debianProgram } from '../support/debian.mjs';
import { freePort } from '../support/free-port.mjs';
import { isReachable } from '../support/reachable.mjs';

export const variable = 'REDIS_URL';
export const remedy = 'set REDIS_URL to a Redis of yours';

/** @param {string} url */
export const reachable = (url) => isReachable(url, 6379);

/**
 * @param {{ folder: string, say: (line: string) => void, record: (details: object) => void }} context
 * @returns {Promise<string>} its URL
 */
export const up = (context) => startRedis(context, false);

/**
 * @param {{ folder: string, say: (line: string) => void, record: (details: object) => void }} context
 * @param {boolean} isDurable every write is on disk before it is answered; else nothing ever is
 * @returns {Promise<string>} its URL
 */
export async function startRedis({ folder, say, record }, isDurable) {
  const { command, env } = debianProgram({ program: 'redis-server', package: 'redis-server', say });
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    record({ port, folder });
    const failure = await start(command, env, folder, port, isDurable);
    if (failure === null) return `redis://127.0.0.1:${port}`;
    if (attempt === 5) throw new Error(`redis-server does not start:\n${failure}`);
  }
}

/** @param {{ port: number, folder: string }} details as recorded */
export async function down({ port, folder }) {
  if (!(await isUp({ port, folder }))) return;
  await ask(port, 'SHUTDOWN NOSAVE');
  while (await isUp({ port, folder })) await sleep(20);
}

/** The port may belong to another Redis by now: ours is the one that works in our folder. */
export async function isUp({ port, folder }) {
  return (await ask(port, 'CONFIG GET dir')).includes(folder);
}

async function start(command, env, folder, port, isDurable) {
  const log = join(folder, 'redis.log');
  const output = openSync(log, 'a');
  const persistence = isDurable ? { appendonly: 'yes', appendfsync: 'always' } : { appendonly: 'no' };
  const options = { port, bind: '127.0.0.1', dir: folder, save: '', daemonize: 'no', ...persistence };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const server = spawn(command, args, {
    env,
    cwd: folder,
    detached: true,
    stdio: ['ignore', output, output],
  });
  let ended = false;
  server.once('exit', () => (ended = true));
  server.once('error', () => (ended = true));
  server.unref();
  for (let waited = 0; !ended && waited < 15_000; waited += 25) {
    if (await isUp({ port, folder })) return null;
    await sleep(25);
  }
  return readFileSync(log, 'utf8').split('\n').slice(-5).join('\n');
}

/** One inline command; the answer's text, empty where nobody answers. */
function ask(port, command) {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write(`${command}\r\nQUIT\r\n`));
    socket.setTimeout(5000, () => socket.destroy());
    socket.on('data', (chunk) => (text += chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
  });
}
