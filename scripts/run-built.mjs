// Runs a compiled entry point (`node scripts/run-built.mjs scripts/verify --json`), building first when stale.
import { ensureBuilt } from './build.mjs';
import { runHere } from './support/run-here.mjs';

const [entry, ...args] = process.argv.slice(2);
ensureBuilt();
await runHere(`dist/${entry}.js`, args);
