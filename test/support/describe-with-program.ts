import { spawnSync } from 'node:child_process';

/**
 * `describe` for tests that run programs of the machine. Where one is missing they count as skipped, and the reason is
 * printed.
 */
export function describeWithPrograms(name: string, programs: readonly string[], tests: () => void): void {
  const missing = programs.filter((program) => spawnSync(program, ['--version']).error !== undefined);
  if (missing.length === 0) {
    describe(name, tests);
    return;
  }
  process.stderr.write(`SKIPPED ${name}: no ${missing.join(', ')} on this machine; install it\n`);
  // The tests are still declared, so that they are counted.
  describe.skip(name, tests);
}
