import { Logger } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../../common/errors.js';
import { asAppError, PROBLEM_CONTENT_TYPE, problemOf } from '../../common/problem.js';
import type { Config } from '../../config/config.js';
import { JobQueue } from '../../queue/job-queue.js';
import type { QueueBoard } from '../../queue/queue-board.js';
import { CallLimits } from '../../security/rate-limit/call-limits.js';
import { BoardAudit } from './board-audit.js';
import { BoardGate, clearedCookie, COOKIE_LIMIT } from './board-gate.js';
import { signInPage } from './sign-in-page.js';

export const BOARD_PATH = '/admin/queues';
const FORM_LIMIT_BYTES = 16_384;

/**
 * Mounts the technology's own board for operators, where it has one. Routes that are not Nest's are out of reach of
 * its guards: the server's own hook stands before every one of them. The board is loaded when it is first asked
 * for, so that no start pays for it.
 */
export function mountBoard(app: NestFastifyApplication, { http }: Config): void {
  const { board: open } = app.get(JobQueue, { strict: false });
  if (open === null) return;
  const limits = app.get(CallLimits, { strict: false });
  const gate = new BoardGate(limits, app.get(BoardAudit, { strict: false }), http, BOARD_PATH);
  const lazily = new LazyBoard(() => open({ basePath: BOARD_PATH, writable: http.boardWritable }));
  const server: FastifyInstance = app.getHttpAdapter().getInstance();
  void server.register(
    (scope, _options, done) => {
      scope.setErrorHandler(refuse);
      void scope.register(boardItself(gate, lazily));
      void scope.register(doorway(gate));
      scope.addHook('onClose', () => lazily.close());
      done();
    },
    { prefix: BOARD_PATH },
  );
}

type Plugin = (scope: FastifyInstance, options: unknown, done: () => void) => void;

const boardItself =
  (gate: BoardGate, board: LazyBoard): Plugin =>
  (scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    // bodies are the board's own to read
    scope.addContentTypeParser('*', (_request, _payload, parsed) => {
      parsed(null);
    });
    scope.addHook('onRequest', (request) => gate.check(request));
    for (const url of ['/', '/*']) {
      scope.route({
        method: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
        url,
        handler: async (request, reply) => {
          const { serve } = await board.opened();
          // what is hijacked leaves the headers of the server's hooks behind
          for (const [name, value] of Object.entries(reply.getHeaders()))
            if (value !== undefined) reply.raw.setHeader(name, value);
          reply.hijack();
          serve(request.raw, reply.raw);
        },
      });
    }
    done();
  };

/** Sign in and out: a browser that navigates sends no `Authorization` header, so that it takes a cookie. */
const doorway =
  (gate: BoardGate): Plugin =>
  (scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'string', bodyLimit: FORM_LIMIT_BYTES },
      (_request, body, parsed) => {
        parsed(null, new URLSearchParams(String(body)));
      },
    );
    scope.post('/login', async (request, reply) => {
      const token = request.body instanceof URLSearchParams ? (request.body.get('token') ?? '').trim() : '';
      if (token.length > COOKIE_LIMIT)
        throw new AppError('VALIDATION_FAILED', 'The token is too long for a cookie');
      const cookie = await gate.signIn(request, token);
      return reply.code(303).headers({ 'set-cookie': cookie, location: BOARD_PATH }).send();
    });
    scope.get('/logout', async (_request, reply) => {
      return reply
        .header('set-cookie', clearedCookie(BOARD_PATH))
        .type('text/html; charset=utf-8')
        .send(signInPage(BOARD_PATH, 'You are signed out.'));
    });
    done();
  };

/** Opened once, by whoever asks first; tried again where that failed. */
class LazyBoard {
  private board: Promise<QueueBoard> | null = null;

  constructor(private readonly open: () => Promise<QueueBoard>) {}

  opened(): Promise<QueueBoard> {
    this.board ??= this.open().catch((error: unknown) => {
      this.board = null;
      throw error;
    });
    return this.board;
  }

  async close(): Promise<void> {
    await (await this.board)?.close();
  }
}

const logger = new Logger('board');

/** A person who navigates gets a form, everybody else a problem document. */
function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const refusal = asAppError(error) ?? new AppError('INTERNAL', undefined, {}, { cause: error });
  const problem = problemOf(refusal, { instance: BOARD_PATH, correlationId: request.id });
  if (refusal.code === 'INTERNAL') logger.error({ message: 'The board failed', err: error });
  const navigates = request.headers.accept?.includes('text/html') === true && problem.status < 500;
  void reply
    .code(problem.status)
    .headers(problem.headers)
    .type(navigates ? 'text/html; charset=utf-8' : PROBLEM_CONTENT_TYPE)
    .send(navigates ? signInPage(BOARD_PATH, refusal.message) : problem.body);
}
