import 'reflect-metadata';
import { createLogger } from './common/logger.js';
import { ConfigError, loadConfig } from './config/load.js';
import { run } from './run.js';

try {
  const config = loadConfig(process.env, process.argv.slice(2));
  await run(config, createLogger(config));
} catch (error) {
  process.stderr.write(
    `${error instanceof ConfigError ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exitCode = 1;
}
