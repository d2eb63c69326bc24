// Schemathesis, which tests an API by what its OpenAPI document says: from PyPI, into a cache folder.
import { join } from 'node:path';
import { pythonEnvironment } from './python-environment.mjs';

const VERSION = '4.32.5';

/**
 * @param {(line: string) => void} say
 * @returns {string} the program, installed once
 * @throws {Unavailable} where it is not here and cannot be had
 */
export function schemathesis(say) {
  const programs = pythonEnvironment({
    name: 'schemathesis',
    version: VERSION,
    packages: [`schemathesis==${VERSION}`],
    python: [3, 11],
    say,
  });
  return join(programs, 'schemathesis');
}
