// A Redis of one's own on this machine: started, killed and started again at its address.
import { spawn } from 'node:child_process';
import { openSync, closeSync, readFileSync } from 'node:fs';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { debianProgram } from './debian.mjs';
import { freePort } from './free-port.mjs';

const START_MS = 15_000;

/**
 * Ends with this process' own end at the latest where the caller says so by `pid`; nothing is written to disk unless
 * `appendOnly`.
 * @param {{ folder: string, appendOnly?: boolean, say?: (line: string) => void }} options
 */
export async function startRedis({ folder, appendOnly = false, say = () => undefined }) {
  const program = debianProgram({ program: 'redis-server', package: 'redis-server', say });
  const port = await freePort();
  const log = join(folder, 'redis.log');
  let server = null;

  const resume = async () => {
    const settings = {
      port,
      bind: '127.0.0.1',
      dir: folder,
      save: '',
      appendonly: appendOnly ? 'yes' : 'no',
    };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const output = openSync(log, 'a');
    server = spawn(program.command, args, {
      env: program.env,
      cwd: folder,
      detached: true,
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    server.once('error', () => undefined);
    for (const end = Date.now() + START_MS; Date.now() < end && server.exitCode === null; await sleep(25)) {
      if (await answers(port)) return;
    }
    throw new Error(
      `redis-server does not start:\n${readFileSync(log, 'utf8').split('\n').slice(-5).join('\n')}`,
    );
  };
  const end = async (signal) => {
    if (server === null || server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    server.kill(signal);
    await ended;
  };
  await resume();
  return {
    url: `redis://127.0.0.1:${port}`,
    pid: () => server?.pid ?? 0,
    /** As a power cut does. */
    kill: () => end('SIGKILL'),
    /** At the same address, with what is on disk. */
    resume,
    stop: () => end('SIGTERM'),
  };
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write('PING\r\n'));
    const answer = (is) => {
      socket.destroy();
      resolve(is);
    };
    socket.setTimeout(1000, () => answer(false));
    socket.on('data', (chunk) => answer(String(chunk).startsWith('+PONG')));
    socket.once('error', () => answer(false));
  });
}
