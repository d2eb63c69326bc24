import type { FastifyRequest } from 'fastify';
import { AppError } from '../../common/errors.js';
import type { Config } from '../../config/config.js';
import { requireAccess } from '../../security/access.js';
import { clientAddress } from '../../security/client-address.js';
import { ANONYMOUS, type Identity } from '../../security/identity.js';
import type { CallLimits } from '../../security/rate-limit/call-limits.js';
import type { BoardAudit } from './board-audit.js';

const COOKIE = 'fairline_operator';
/** Browsers drop a cookie of more than 4096 bytes with its name and attributes, in silence. */
export const COOKIE_LIMIT = 3800;
const ATTRIBUTES = 'HttpOnly; SameSite=Strict';

/** Of a route that is written down. */
const ROUTE_LIMIT = 300;

/** Who may see the board, and who may change the queue with it; each change is written down first. */
export class BoardGate {
  constructor(
    private readonly limits: CallLimits,
    private readonly audit: BoardAudit,
    private readonly http: Config['http'],
    private readonly path: string,
  ) {}

  /** @throws AppError UNAUTHENTICATED, FORBIDDEN, BOARD_READ_ONLY */
  async check(request: FastifyRequest): Promise<void> {
    const { authorization } = request.headers;
    const identity =
      authorization === undefined
        ? await this.byCookie(request)
        : await this.limits.identify(request, authorization);
    requireAccess('operator', identity, true);
    if (request.method === 'GET' || request.method === 'HEAD') return;
    if (!this.http.boardWritable) {
      throw new AppError('BOARD_READ_ONLY', 'BULL_BOARD_WRITABLE=true would allow changes');
    }
    // a cookie comes along with whatever a page elsewhere makes the browser send; a header does not
    if (authorization === undefined) this.requireSameOrigin(request);
    if (identity.kind !== 'operator') throw new AppError('FORBIDDEN');
    await this.audit.note({
      operator: identity.userId,
      address: clientAddress(request),
      correlationId: request.id,
      method: request.method,
      route: (request.url.slice(this.path.length).split('?')[0] ?? '').slice(0, ROUTE_LIMIT),
    });
  }

  /**
   * The cookie that stands for this token.
   * @throws AppError UNAUTHENTICATED, FORBIDDEN
   */
  async signIn(request: FastifyRequest, token: string): Promise<string> {
    this.requireSameOrigin(request);
    if (!/^[\w.~+/=-]+$/.test(token)) throw new AppError('UNAUTHENTICATED', 'The token is not valid');
    requireAccess('operator', await this.limits.identify(request, `Bearer ${token}`), true);
    const secure = request.protocol === 'https' || this.http.publicUrl.startsWith('https:');
    return `${COOKIE}=${token}; Path=${this.path}; ${ATTRIBUTES}${secure ? '; Secure' : ''}`;
  }

  private async byCookie(request: FastifyRequest): Promise<Identity> {
    const { cookie = '' } = request.headers;
    const pair = cookie.split(/; */).find((item) => item.startsWith(`${COOKIE}=`));
    if (pair === undefined) return ANONYMOUS;
    return await this.limits.identify(request, `Bearer ${pair.slice(COOKIE.length + 1)}`);
  }

  private requireSameOrigin(request: FastifyRequest): void {
    const { origin } = request.headers;
    const own = [`${request.protocol}://${request.host}`, new URL(this.http.publicUrl).origin];
    if (origin === undefined || !own.includes(origin)) {
      throw new AppError('FORBIDDEN', 'This must be sent by a page of this server');
    }
  }
}

export const clearedCookie = (path: string): string => `${COOKIE}=; Path=${path}; ${ATTRIBUTES}; Max-Age=0`;
