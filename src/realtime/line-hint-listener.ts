import { NotifyConnection } from '../database/notify-connection.js';
import { decodeHints } from './line-hints.js';
import type { LineViews } from './line-views.js';
import { LINES_CHANNEL } from './rooms.js';

/** Feeds hints from every process to the views of this one, on a connection of its own that comes back by itself. */
export class LineHintListener {
  private readonly connection: NotifyConnection;

  constructor(url: string, views: LineViews, failed: (error: unknown) => void = () => undefined) {
    this.connection = new NotifyConnection(url, [LINES_CHANNEL], {
      // what was said while nobody listened is lost
      up: () => views.doubtAll(),
      notified: ({ payload }) => {
        for (const { offerId, version } of decodeHints(payload)) views.hint(offerId, version);
      },
      failed,
    });
    this.connection.open();
  }

  get connected(): boolean {
    return this.connection.connected;
  }

  /** Idempotent. */
  close(): Promise<void> {
    return this.connection.close();
  }
}
