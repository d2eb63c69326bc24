/** A change that an operator asks of the board. */
export interface BoardChange {
  readonly operator: string;
  /** Network address of the caller. */
  readonly address: string;
  readonly correlationId: string;
  readonly method: string;
  /** Path below the board, without its query. */
  readonly route: string;
}

/** Where changes are written down before they are made. A port: the application puts the ledger's audit log here. */
export abstract class BoardAudit {
  /** Resolves when it is written down for good. A change that cannot be is not made. */
  abstract note(change: BoardChange): Promise<void>;
}
