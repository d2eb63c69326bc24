import { createLogger, readableLine, type PinoLogger } from './logger.js';

function capture(
  terminal = false,
  logLevel: 'info' | 'silent' | 'debug' = 'info',
): { logger: PinoLogger; text: () => string } {
  const lines: string[] = [];
  const stream = { write: (line: string) => void lines.push(line) };
  return {
    logger: createLogger({ logLevel, role: 'api' }, { stream, terminal }),
    text: () => lines.join(''),
  };
}

describe('the log', () => {
  it('is one JSON object a line, with time, level, role, context and the fields of the event', () => {
    const { logger, text } = capture();
    logger.log({ message: 'ready', event: 'listening', url: 'http://127.0.0.1:3000' }, 'Main');
    expect(text()).toMatch(/^\{.*\}\n$/);
    expect(JSON.parse(text())).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      role: 'api',
      pid: process.pid,
      context: 'Main',
      message: 'ready',
      event: 'listening',
      url: 'http://127.0.0.1:3000',
    });
  });

  it('keeps an error with its stack and its cause, however Nest passes it', () => {
    const error = new Error('outer', { cause: new Error('inner') });
    for (const write of [
      (logger: PinoLogger) => logger.error(error, 'Main'),
      (logger: PinoLogger) => logger.error({ message: 'failed', err: error }, 'Main'),
      (logger: PinoLogger) => logger.error('outer', error.stack, 'Main'),
    ]) {
      const { logger, text } = capture();
      write(logger);
      expect(JSON.parse(text())).toMatchObject({ level: 'error', context: 'Main' });
      expect(text()).toContain('logger.spec');
    }
  });

  it('holds no secret and no personal data, also where a whole object was passed', () => {
    const { logger, text } = capture();
    const secrets = {
      authorization: 'Bearer abc',
      token: 'bt_abc',
      email: 'ann@example.org',
      paymentMethod: 'pm_card',
    };
    logger.log({ message: 'whole', ...secrets, request: { headers: secrets, body: { booking: secrets } } });
    expect(text()).not.toMatch(/abc|example\.org|pm_card/);
    expect(text()).toContain('[redacted]');
  });

  it('says of an error what it is, its code and its cause, not the row that a database shows with it', () => {
    const { logger, text } = capture();
    const error = Object.assign(new Error('duplicate key'), {
      code: '23505',
      detail: 'Key (email)=(ann@example.org)',
    });
    logger.error({ message: 'failed', err: new Error('accept', { cause: error }) });
    logger.error({ message: 'failed', err: error });
    expect(text()).not.toContain('example.org');
    expect(text()).toContain('caused by: Error: duplicate key');
    expect(text()).toContain('"code":"23505"');
  });

  it('is silent below its level, and about the wiring of the framework', () => {
    const { logger, text } = capture();
    logger.debug('detail');
    logger.verbose('detail');
    logger.log('Mapped {/health/live, GET} route', 'RouterExplorer');
    expect(text()).toBe('');
    const silent = capture(false, 'silent');
    silent.logger.fatal('nothing');
    expect(silent.text()).toBe('');
  });

  it('is readable on a terminal, one line unless there is a stack', () => {
    const { logger, text } = capture(true);
    logger.warn({ message: 'slow', ms: 12, offer: 'a' }, 'Ledger');
    expect(text()).toMatch(/^\d\d:\d\d:\d\d\.\d{3} WARN {2}\[Ledger\] slow ms=12 offer=a\n$/);
    expect(
      readableLine(
        '{"level":"error","time":"2030-01-01T10:00:00.000Z","message":"m","err":{"stack":"E\\n at"}}',
      ),
    ).toBe('10:00:00.000 ERROR m\nE\n at\n');
  });
});
