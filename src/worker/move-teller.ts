import type { AdmissionHints } from '../booking/admission-hints.js';
import { SETTLED } from '../booking/booking.js';
import type { Moved } from '../booking/ledger/types.js';
import type { Metrics } from '../metrics/metrics.js';
import type { Notifier } from '../realtime/notifier.js';

/** After a verb has moved bookings: whoever watches is told, and the line is looked at where it can go on. */
export class MoveTeller {
  constructor(
    private readonly notifier: Notifier,
    private readonly hints: AdmissionHints,
    private readonly metrics: Metrics,
  ) {}

  tell(moved: Moved): void {
    this.notifier.bookings(moved.bookings);
    this.tellLine(moved);
  }

  /** For bookings that their caller tells of. */
  tellLine(moved: Moved): void {
    this.notifier.line(moved.line);
    this.hints.changed(moved.line);
    for (const { state } of moved.bookings) if (SETTLED.has(state)) this.metrics.settled(state);
  }
}
