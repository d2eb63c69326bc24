// grpcurl, as anybody would use it against a server: found, or built once by Go into a cache folder.
import { goProgram } from './go-program.mjs';

/**
 * @param {(line: string) => void} [say]
 * @returns {string} the program
 * @throws {Unavailable} where it is not here and cannot be had
 */
export const grpcurl = (say = () => undefined) =>
  goProgram({
    name: 'grpcurl',
    module: 'github.com/fullstorydev/grpcurl/cmd/grpcurl',
    version: 'v1.9.3',
    say,
  });
