// The application as an operator starts it, on an embedded database and ports of its own.
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const START_MS = 120_000;
const STOP_MS = 45_000;

export class Server {
  #child;
  #log;
  #ended = false;

  /**
   * @param {object} options
   * @param {string} options.main the compiled program
   * @param {string} options.folder where its log goes
   * @param {Record<string, string>} options.env all that it knows
   */
  constructor({ main, folder, env }) {
    this.#log = join(folder, 'application.log');
    const output = openSync(this.#log, 'w');
    // A group of its own: Ctrl-C reaches the script alone, which then stops it in order.
    this.#child = spawn(process.execPath, ['--enable-source-maps', main, '--role', 'all'], {
      cwd: folder,
      env: { PATH: process.env.PATH, ...env },
      detached: true,
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    this.#child.once('exit', () => (this.#ended = true));
    this.#child.once('error', () => (this.#ended = true));
  }

  /** Its address, once it listens. */
  async listening() {
    for (const end = Date.now() + START_MS; Date.now() < end && !this.#ended; await sleep(50)) {
      const line = this.#records().find(({ event }) => event === 'listening');
      if (line !== undefined) return line.url;
    }
    throw new Error(`The application does not start:\n${this.#lines().slice(-20).join('\n')}`);
  }

  /** What it logged that somebody has to look at. */
  complaints() {
    return this.#records().filter(({ level }) => level === 'error' || level === 'fatal');
  }

  /** @returns {Promise<number | null>} its exit code; null where it had to be killed */
  async stop() {
    if (!this.#ended) {
      const exit = new Promise((resolve) => this.#child.once('exit', resolve));
      this.#child.kill('SIGTERM');
      const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
      await exit;
      clearTimeout(timer);
    }
    return this.#child.exitCode;
  }

  #lines() {
    return readFileSync(this.#log, 'utf8').split('\n').filter(Boolean);
  }

  #records() {
    return this.#lines().flatMap((line) => {
      try {
        return [JSON.parse(line)];
      } catch {
        return [];
      }
    });
  }
}
