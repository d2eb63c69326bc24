import { Writable } from 'node:stream';
import type { LoggerService } from '@nestjs/common';
import {
  destination,
  pino,
  stdSerializers,
  stdTimeFunctions,
  type DestinationStream,
  type Level,
  type Logger,
} from 'pino';
import type { Config } from '../config/config.js';

/**
 * What no log may hold (G8), wherever somebody passed a whole request, booking or job by mistake. Paths are those
 * of fast-redact: a `*` stands for one level.
 */
const CREDENTIALS = [
  'authorization',
  'token',
  'password',
  'cookie',
  'jwtSecret',
  'secretKey',
  'webhookSecret',
];
const SECRETS = [...CREDENTIALS, 'email', 'paymentMethod'];
const REDACTED = SECRETS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`, `*.*.*.${name}`]);

/** Nest's own account of its wiring: of use when it is the wiring that one looks for. */
const WIRING = new Set([
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestFactory',
  'NestApplication',
  'WebSocketsController',
]);

/**
 * The process's log: JSON lines on stdout for machines, one readable line each on a terminal.
 *
 * It is Nest's logger too. A call gives a message, or an object with a `message` and the fields of the event
 * (`event`, `correlationId`, `err`, …), and last the context.
 */
export class PinoLogger implements LoggerService {
  constructor(private readonly pino: Logger) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.write(WIRING.has(contextOf(rest) ?? '') ? 'debug' : 'info', message, rest);
  }
  error(message: unknown, ...rest: unknown[]): void {
    this.write('error', message, rest);
  }
  warn(message: unknown, ...rest: unknown[]): void {
    this.write('warn', message, rest);
  }
  debug(message: unknown, ...rest: unknown[]): void {
    this.write('debug', message, rest);
  }
  verbose(message: unknown, ...rest: unknown[]): void {
    this.write('debug', message, rest);
  }
  fatal(message: unknown, ...rest: unknown[]): void {
    this.write('fatal', message, rest);
  }

  /** Nothing of the last moments is lost when the process ends after this. */
  flush(): void {
    this.pino.flush();
  }

  private write(level: Level, message: unknown, rest: readonly unknown[]): void {
    if (!this.pino.isLevelEnabled(level)) return;
    this.pino[level](fieldsOf(message, rest));
  }
}

/** @param out where lines go; default stdout, synchronously, so that a crash loses none */
export function createLogger(
  config: Pick<Config, 'logLevel' | 'role'>,
  out: { readonly stream: DestinationStream; readonly terminal: boolean } = standardOutput(),
): PinoLogger {
  const options = {
    level: config.logLevel,
    base: { role: config.role, pid: process.pid },
    messageKey: 'message',
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: errorFields },
    redact: { paths: REDACTED, censor: '[redacted]' },
  };
  return new PinoLogger(pino(options, out.terminal ? readable(out.stream) : out.stream));
}

/** With its causes. Other members of an error stay out: a database's `detail` holds the row that it is about. */
function errorFields(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: String(error) };
  const { type, message, stack } = stdSerializers.err(error);
  return { type, message, stack, ...('code' in error ? { code: error.code } : {}) };
}

const standardOutput = (): { stream: DestinationStream; terminal: boolean } => ({
  stream: destination({ dest: 1, sync: true }),
  terminal: process.stdout.isTTY,
});

/** Nest passes the context last, and for errors the stack before it. */
const contextOf = (rest: readonly unknown[]): string | undefined => {
  const last = rest.at(-1);
  return typeof last === 'string' && !last.includes('\n') ? last : undefined;
};

function fieldsOf(message: unknown, rest: readonly unknown[]): Record<string, unknown> {
  const context = contextOf(rest);
  const stack = rest.find((item) => typeof item === 'string' && item.includes('\n'));
  const about = { ...(context === undefined ? {} : { context }), ...(stack === undefined ? {} : { stack }) };
  if (message instanceof Error) return { ...about, message: message.message, err: message };
  if (typeof message === 'object' && message !== null) return { ...about, ...message };
  return { ...about, message: String(message) };
}

/** JSON lines of ours as lines that a person reads: time, level, message, then what else there is. */
function readable(out: DestinationStream): DestinationStream {
  return new Writable({
    decodeStrings: false,
    write: (chunk: unknown, _encoding, done) => {
      out.write(readableLine(String(chunk)));
      done();
    },
  });
}

export function readableLine(line: string): string {
  const { time, level, message, role: _role, pid: _pid, context, err, stack, ...rest } = parsed(line);
  const where = typeof context === 'string' ? ` [${context}]` : '';
  const fields = Object.entries(rest).map(
    ([name, value]) => ` ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const trace = stackOf(err) ?? (typeof stack === 'string' ? stack : undefined);
  const head = `${String(time).slice(11, 23)} ${String(level).toUpperCase().padEnd(5)}${where} ${String(message)}`;
  return `${head}${fields.join('')}${trace === undefined ? '' : `\n${trace}`}\n`;
}

const stackOf = (err: unknown): string | undefined =>
  typeof err === 'object' && err !== null && 'stack' in err && typeof err.stack === 'string'
    ? err.stack
    : undefined;

function parsed(line: string): Record<string, unknown> {
  const value: unknown = JSON.parse(line);
  return typeof value === 'object' && value !== null ? { ...value } : { message: line };
}
