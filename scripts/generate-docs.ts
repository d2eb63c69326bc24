// `npm run docs`: writes the documents that are made from the source.
import { readFileSync, writeFileSync } from 'node:fs';
import { renderOpenApi } from './docs/openapi.js';
import { GENERATED } from './docs/render.js';

// Compiled to dist/scripts/, two folders below the root.
const root = new URL('../../', import.meta.url);
const write = (path: string, text: string): void => {
  writeFileSync(new URL(path, root), text);
  process.stdout.write(`${path}\n`);
};

const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

for (const [path, render] of Object.entries(GENERATED)) write(path, render(read(path)));
write('docs/openapi.json', await renderOpenApi());
