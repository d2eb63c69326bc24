// `npm test`: builds, brings up what the tests need, runs Jest, takes everything down. The last line counts.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ensureBuilt, root } from './build.mjs';

const SERVICES = ['redis', 'kafka', 'stripe-mock'];
const PROJECTS = ['unit', 'conformance', 'integration', 'e2e'];
/** Jest waits for ever for a test that left something open; that is a failure with a name. */
const EXIT_PATIENCE_MS = 30_000;

const path = (name) => fileURLToPath(new URL(name, root));
const args = process.argv.slice(2);
const long = args.includes('--long');
const passedOn = args.filter((arg) => arg !== '--long');

let interrupted = null;
let running = null;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    interrupted ??= signal;
    running?.kill('SIGTERM');
  });
}

/** Runs a script of ours or of a package; what it prints on stdout is shown, or returned where `quiet`. */
function run(file, argv, { env = process.env, quiet = false, detached = false } = {}) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [path(file), ...argv], {
      cwd: path('.'),
      env,
      detached,
      stdio: ['ignore', quiet ? 'pipe' : 'inherit', 'inherit'],
    });
    if (!detached) running = child;
    let output = '';
    child.stdout?.on('data', (chunk) => (output += chunk));
    child.once('error', (error) => resolve({ code: 1, output: error.message }));
    child.once('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

/** `export NAME='value'` lines to an environment. */
function exported(output) {
  const lines = output.matchAll(/^export (\w+)='(.*)'$/gm);
  return Object.fromEntries(Array.from(lines, ([, name, value]) => [name, value]));
}

async function runJest(env, results) {
  const chosen = passedOn.includes('--selectProjects');
  const projects = chosen ? [] : ['--selectProjects', ...(long ? ['long'] : PROJECTS)];
  const workers = passedOn.some((arg) => /^(-w|-i|--maxWorkers|--runInBand)/.test(arg))
    ? []
    : ['--maxWorkers=2'];
  const argv = [...passedOn, ...projects, ...workers, '--json', `--outputFile=${results}`];
  let ended = false;
  const jest = run('node_modules/jest/bin/jest.js', argv, { env }).finally(() => (ended = true));
  while (!ended && !existsSync(results)) await Promise.race([jest, sleep(250)]);
  await Promise.race([jest, sleep(EXIT_PATIENCE_MS, undefined, { ref: false })]);
  if (!ended) {
    process.stderr.write('Jest does not end: a test left something open (look with --detectOpenHandles).\n');
    running.kill('SIGKILL');
    return 1;
  }
  return (await jest).code;
}

/** A suite that could not run counts as a failure: its tests were not seen. */
function count(results) {
  if (!existsSync(results)) return { passed: 0, failed: 0, skipped: 0 };
  const report = JSON.parse(readFileSync(results, 'utf8'));
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + report.numRuntimeErrorTestSuites,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

ensureBuilt();
const work = mkdtempSync(join(tmpdir(), 'fairline-test-'));
const state = join(work, 'services.json');
const results = join(work, 'results.json');
let counted = { passed: 0, failed: 0, skipped: 0 };
let code = 1;
try {
  const services = await run('scripts/services.mjs', ['up', ...SERVICES, '--state', state], { quiet: true });
  if (services.code === 0 && interrupted === null) {
    const env = { ...process.env, ...exported(services.output), FAIRLINE_DIST: path('dist') };
    code = await runJest(env, results);
    counted = count(results);
  }
} finally {
  // Out of this process group: a second Ctrl-C must not leave servers behind.
  const down = await run('scripts/services.mjs', ['down', '--state', state], { quiet: true, detached: true });
  if (down.code !== 0) code = 1;
  if (down.code === 0) rmSync(work, { recursive: true, force: true });
}
if (interrupted !== null) process.stderr.write(`stopped by ${interrupted}\n`);
const failed = counted.failed === 0 && (code !== 0 || counted.passed === 0) ? 1 : counted.failed;
const skipped = counted.skipped === 0 ? '' : `, ${counted.skipped} skipped`;
process.exitCode = failed === 0 && interrupted === null ? 0 : 1;
process.stdout.write(`${counted.passed} passed, ${failed} failed${skipped}\n`);
