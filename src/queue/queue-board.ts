import type { IncomingMessage, ServerResponse } from 'node:http';

export interface BoardPlace {
  /** Path below which it is served, without a trailing slash. */
  readonly basePath: string;
  /** Whether it may change the queue, or shows it alone. */
  readonly writable: boolean;
}

/** A technology's own pages for operators. It checks nobody: whoever serves it does. */
export interface QueueBoard {
  /** Answers a request for a path below its own. */
  readonly serve: (request: IncomingMessage, response: ServerResponse) => void;
  close(): Promise<void>;
}
