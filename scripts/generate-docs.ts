// `npm run docs`: writes the documents that are made from tables in the source.
import { writeFileSync } from 'node:fs';
import { GENERATED } from './docs/render.js';

// Compiled to dist/scripts/, two folders below the root.
const root = new URL('../../', import.meta.url);
for (const [path, render] of Object.entries(GENERATED)) {
  writeFileSync(new URL(path, root), render());
  process.stdout.write(`${path}\n`);
}
