import type { LineRead } from '../booking/ledger/types.js';
import type { FollowedLine } from './followed-line.js';
import { RoomLine } from './room-line.js';
import { TicketLine } from './ticket-line.js';

/**
 * The line that a first read tells of.
 * @throws TypeError where the read is a difference: there is nothing yet to apply it to.
 */
export function lineFrom(read: LineRead): FollowedLine {
  if (read.waiting === null) throw new TypeError('A line starts from a whole read');
  return read.stays === null ? new TicketLine(read) : new RoomLine(read);
}
