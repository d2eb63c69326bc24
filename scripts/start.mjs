// `npm start`: the whole system, built first when stale. Arguments are passed on: `npm start -- --role worker`.
import { ensureBuilt } from './build.mjs';
import { runHere } from './support/run-here.mjs';

ensureBuilt();
await runHere('dist/src/main.js', process.argv.slice(2));
