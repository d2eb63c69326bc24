// Stripe's own stand-in, stripe-mock: it checks requests against Stripe's published API, and remembers nothing.
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.mjs';
import { goProgram } from './go-program.mjs';
import { isReachable } from './reachable.mjs';
import { Unavailable } from './unavailable.mjs';

const VERSION = 'v0.203.0';
const MODULE = 'github.com/stripe/stripe-mock';
/** The first version of Go that reads its go.mod. */
const GO_NEEDED = [1, 22];
/** Else it listens on a fixed port for HTTPS as well, which another run may have. */
const UNUSED_HTTPS = ['-https-unix', 'https.sock'];
const START_MS = 30_000;
const ATTEMPTS = 3;

/** @typedef {{ port: number, folder: string }} Place where it listens and works */

/**
 * One that outlives this process unless it is ended.
 * @param {object} options
 * @param {string} options.folder where it works; it exists
 * @param {(line: string) => void} [options.say]
 * @param {(place: Place) => void} [options.record] told before it is started
 * @returns {Promise<string>} its URL
 * @throws {Unavailable} where it is not here and cannot be had
 */
export async function startStripeMock({ folder, say = () => undefined, record = () => undefined }) {
  const program = goProgram({
    name: 'stripe-mock',
    module: MODULE,
    version: VERSION,
    check: refuseOldGo,
    say,
  });
  for (let attempt = 1; ; attempt++) {
    const place = { port: await freePort(), folder };
    record(place);
    try {
      return await launch(program, place);
    } catch (error) {
      // Somebody took the port between the choice and the start.
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

/** Ends the one of a place, whoever started it. No-op without one. */
export async function endStripeMock(place) {
  for (const pid of processesOf(place)) process.kill(pid, 'SIGTERM');
  while (processesOf(place).length > 0) await sleep(20);
}

/** The port may belong to another by now: ours is the process that was started for it. */
export const isStripeMockAt = (place) => processesOf(place).length > 0;

function processesOf({ port }) {
  const { stdout } = spawnSync('ps', ['-eo', 'pid=,args='], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return (stdout ?? '')
    .split('\n')
    .filter((line) =>
      line.trimEnd().endsWith(`stripe-mock ${UNUSED_HTTPS.join(' ')} -http-addr 127.0.0.1:${port}`),
    )
    .map((line) => Number.parseInt(line, 10));
}

async function launch(program, { port, folder }) {
  const log = join(folder, 'stripe-mock.log');
  const output = openSync(log, 'a');
  const server = spawn(program, [...UNUSED_HTTPS, '-http-addr', `127.0.0.1:${port}`], {
    cwd: folder,
    detached: true,
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  let ended = false;
  server.once('exit', () => (ended = true));
  server.once('error', () => (ended = true));
  server.unref();
  const url = `http://127.0.0.1:${port}`;
  for (const end = Date.now() + START_MS; !ended && Date.now() < end; await sleep(50)) {
    if (await isReachable(url, port)) return url;
  }
  throw new Error(
    `stripe-mock does not start:\n${readFileSync(log, 'utf8').split('\n').slice(-5).join('\n')}`,
  );
}

function refuseOldGo({ command, env }) {
  const { stdout } = spawnSync(command, ['version'], { env, encoding: 'utf8' });
  const [, major = 0, minor = 0] = (/go(\d+)\.(\d+)/.exec(stdout ?? '') ?? []).map(Number);
  const [needed, least] = GO_NEEDED;
  if (major > needed || (major === needed && minor >= least)) return;
  throw new Unavailable(
    `${command} is not Go ${GO_NEEDED.join('.')} or later, which stripe-mock ${VERSION} is built with`,
  );
}
