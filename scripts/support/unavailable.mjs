/** A service cannot be had on this machine. The message says why and what helps, in one line. */
export class Unavailable extends Error {}
