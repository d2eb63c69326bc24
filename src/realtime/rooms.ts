/** Namespace of every socket. */
export const NAMESPACE = '/';

/** Prefix of the channels of Socket.IO's PostgreSQL adapter and emitter. */
export const CHANNEL_PREFIX = 'fairline.io';

/** The sockets that watch a booking, in every process. */
export const bookingRoom = (bookingId: string): string => `booking:${bookingId}`;

/** The channel of hints on lines. */
export const LINES_CHANNEL = 'fairline_lines';
