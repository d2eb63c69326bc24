// A Redis of one's own on this machine: started, killed and started again at its address.
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { debianProgram } from './debian.mjs';
import { freePort } from './free-port.mjs';

const START_MS = 15_000;
const ATTEMPTS = 5;

/** @typedef {{ port: number, folder: string }} Place where it listens and works */

/**
 * A Redis that outlives this process unless it is ended.
 * @param {object} options
 * @param {string} options.folder where it works; it exists
 * @param {boolean} [options.isDurable] every write is on disk before it is answered; else nothing ever is
 * @param {(line: string) => void} [options.say]
 * @param {(place: Place) => void} [options.record] told before it is started
 */
export async function startRedis({
  folder,
  isDurable = false,
  say = () => undefined,
  record = () => undefined,
}) {
  const program = debianProgram({ program: 'redis-server', package: 'redis-server', say });
  const first = await onFreePort(program, folder, isDurable, record);
  const { place } = first;
  let { server } = first;
  const end = async (signal) => {
    if (!isAlive(server)) return;
    server.kill(signal);
    while (isAlive(server)) await sleep(10);
  };
  return {
    url: `redis://127.0.0.1:${place.port}`,
    pid: () => server.pid ?? 0,
    /** As a power cut does. */
    kill: () => end('SIGKILL'),
    /** At the same address, with what is on disk. */
    resume: async () => {
      server = await launch(program, place, isDurable);
    },
    stop: () => end('SIGTERM'),
  };
}

/** The port may belong to another Redis by now: ours is the one that works in our folder. */
export async function isRedisAt({ port, folder }) {
  return (await ask(port, 'CONFIG GET dir')).includes(folder);
}

/** Ends the Redis of a place, whoever started it. No-op without one. */
export async function endRedis(place) {
  if (!(await isRedisAt(place))) return;
  await ask(place.port, 'SHUTDOWN NOSAVE');
  while (await isRedisAt(place)) await sleep(20);
}

/** Somebody may take the port before Redis does. */
async function onFreePort(program, folder, isDurable, record) {
  for (let attempt = 1; ; attempt++) {
    const place = { port: await freePort(), folder };
    record(place);
    try {
      return { place, server: await launch(program, place, isDurable) };
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

/** @returns {Promise<import('node:child_process').ChildProcess>} that answers */
async function launch({ command, env }, place, isDurable) {
  const { port, folder } = place;
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
  closeSync(output);
  let failed = false;
  server.once('error', () => (failed = true));
  server.unref();
  for (const end = Date.now() + START_MS; !failed && isAlive(server) && Date.now() < end; await sleep(25)) {
    if (await isRedisAt(place)) return server;
  }
  throw new Error(
    `redis-server does not start:\n${readFileSync(log, 'utf8').split('\n').slice(-5).join('\n')}`,
  );
}

const isAlive = (server) => server.exitCode === null && server.signalCode === null;

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
