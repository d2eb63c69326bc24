// `npm run lint`: every check runs, every failure is shown, and one is enough to fail.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { root } from './build.mjs';

const path = (name) => fileURLToPath(new URL(name, root));
const folders = ['src', 'bench', 'scripts', 'test'].filter((name) => existsSync(path(name)));

/** Name, npm package, its program and arguments. */
const CHECKS = [
  [
    'types',
    'typescript',
    'tsc',
    ['-p', 'tsconfig.json', '--noEmit', '--incremental', 'false', '--pretty', 'false'],
  ],
  ['eslint', 'eslint', 'eslint', ['--max-warnings=0', '.']],
  [
    'import directions',
    'dependency-cruiser',
    'depcruise',
    ['--config', '.dependency-cruiser.cjs', ...folders],
  ],
  ['unused files, exports, dependencies', 'knip', 'knip', ['--no-progress', '--no-config-hints']],
  ['proto', '@bufbuild/buf', 'buf', ['lint', 'proto']],
  [
    'proto, breaking changes',
    '@bufbuild/buf',
    'buf',
    ['breaking', 'proto', '--against', 'proto/baseline.binpb'],
  ],
  ['format', 'prettier', 'prettier', ['--check', '--log-level', 'warn', '.']],
];

/** Started by Node itself, from what npm installed: no shell, no search path. */
function programOf(packageName, program) {
  const manifest = JSON.parse(readFileSync(path(`node_modules/${packageName}/package.json`), 'utf8'));
  const file = typeof manifest.bin === 'string' ? manifest.bin : manifest.bin[program];
  return path(`node_modules/${packageName}/${file}`);
}

function run([name, packageName, program, args]) {
  return new Promise((resolve) => {
    const started = performance.now();
    const child = spawn(process.execPath, [programOf(packageName, program), ...args], {
      cwd: path('.'),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    child.once('error', (error) => resolve({ name, failed: true, output: error.message, seconds: 0 }));
    child.once('close', (code) => {
      const seconds = (performance.now() - started) / 1000;
      resolve({ name, failed: code !== 0, output: output.trim(), seconds });
    });
  });
}

const waiting = [...CHECKS];
const failures = [];
async function next() {
  for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
    const { name, failed, output, seconds } = await run(check);
    process.stdout.write(`${failed ? 'FAILED' : 'ok    '} ${name} (${seconds.toFixed(1)} s)\n`);
    if (!failed) continue;
    failures.push(name);
    process.stdout.write(`${output}\n\n`);
  }
}
await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, next));
if (failures.length > 0) process.stdout.write(`lint failed: ${failures.join(', ')}\n`);
process.exitCode = failures.length > 0 ? 1 : 0;
