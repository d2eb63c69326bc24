import { fileURLToPath } from 'node:url';
import { root } from '../build.mjs';

/**
 * Runs a compiled program in this very process, as if Node had been started with it: signals, terminal and exit code
 * need no passing on, and nothing can be left behind.
 * @param {string} file below the checkout
 * @param {readonly string[]} args what the program sees as its own arguments
 */
export async function runHere(file, args) {
  const url = new URL(file, root);
  process.setSourceMapsEnabled(true);
  // Processes that it forks take these two over.
  process.execArgv.push('--enable-source-maps');
  process.argv.splice(1, process.argv.length, fileURLToPath(url), ...args);
  await import(url.href);
}
