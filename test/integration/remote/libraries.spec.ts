import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The compiled tree that `npm test` built. */
const DIST = pathToFileURL(`${process.env['FAIRLINE_DIST'] ?? resolve('dist')}/`).href;

/** How many files of the libraries that call other services a worker has loaded, once it is put together. */
function loaded(env: Readonly<Record<string, string>>): number {
  const program = `
    import 'reflect-metadata';
    import { createRequire } from 'node:module';
    const { AppModule } = await import('${DIST}src/app.module.js');
    const { loadConfig } = await import('${DIST}src/config/load.js');
    await AppModule.of(loadConfig(${JSON.stringify({ ROLE: 'worker', ...env })}), 'postgres://nobody/nothing');
    const files = Object.keys(createRequire('${DIST}').cache);
    console.log(files.filter((file) => /opossum|grpc-js|grpc-health-check/.test(file)).length);
    process.exit(0);`;
  return Number(
    execFileSync(process.execPath, ['--input-type=module', '-e', program], {
      cwd: resolve('.'),
      encoding: 'utf8',
    }),
  );
}

it('a worker loads what calls other services where one is set, and nowhere else', () => {
  expect(loaded({})).toBe(0);
  expect(loaded({ GRPC_TICKET_SERVICE_URL: 'tickets.internal:50054' })).toBeGreaterThan(0);
});
