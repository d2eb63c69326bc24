import type { AuditHead } from '../booking/ledger/audit.js';
import type { Ledger } from '../booking/ledger/ledger.js';

/** A chain that moves is written down so often, at most. */
const TELL_EVERY_MS = 60_000;

/**
 * Seals the audit log, and tells where its chain stands. Logs that are shipped elsewhere so hold what nobody who has
 * the database can make anew: `npm run verify -- --anchors <logs>` compares.
 */
export class Sealer {
  private toldAt = -Infinity;
  private told = -1;

  constructor(
    private readonly ledger: Pick<Ledger, 'seal' | 'auditHead'>,
    private readonly tell: (head: AuditHead) => void,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Until there is nothing left to seal. */
  async seal(signal: AbortSignal): Promise<void> {
    while ((await this.ledger.seal()) > 0) signal.throwIfAborted();
    if (this.now() - this.toldAt < TELL_EVERY_MS) return;
    const head = await this.ledger.auditHead();
    if (head.sequence === this.told) return;
    this.told = head.sequence;
    this.toldAt = this.now();
    this.tell(head);
  }
}
