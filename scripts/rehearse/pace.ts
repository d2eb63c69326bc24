import type { Plan } from './plan.js';
import type { Shown } from './answers.js';
import { jittered, type Random } from './random.js';

/** What the pace of all clients together depends on. */
export interface Crowd {
  readonly clients: number;
  readonly sockets: number;
  readonly stock: number;
  readonly holdSeconds: number;
}

/** Questions a second that all who poll from far back ask together, at most. */
const FAR_POLLS_PER_SECOND = 300;
const FAR_MS = 1000;
/** How long a client with a socket waits between questions that no event gave it a reason for. */
const SAFETY_MS = 15_000;

/** How long until a client that polls asks again, in ms. */
export function pollMs(
  shown: Shown,
  position: number | null,
  plan: Plan,
  crowd: Crowd,
  random: Random,
): number {
  switch (shown.state) {
    case 'waiting':
      return jittered(waitingMs(position ?? 1, crowd), random);
    case 'held':
      return heldMs(shown, plan) + jittered(200, random);
    default:
      return jittered(1000, random);
  }
}

/** How long until a client with a socket asks without having been told anything, in ms. */
export function askMs(shown: Shown, plan: Plan, random: Random): number {
  switch (shown.state) {
    case 'waiting':
      return jittered(SAFETY_MS, random);
    case 'held':
      // The end of the hold is pushed; a second later it asks.
      return heldMs(shown, plan) + 1000 + jittered(500, random);
    default:
      return jittered(5000, random);
  }
}

/**
 * Near the front often, far back seldom, and never so seldom that a hold could come and go unseen: units turn over
 * about once in the time to pay, so nobody is served before `position / stock` of such rounds.
 */
function waitingMs(position: number, crowd: Crowd): number {
  const holdMs = crowd.holdSeconds * 1000;
  const near = Math.min(2000, Math.max(250, holdMs / 5));
  const rounds = Math.floor(position / crowd.stock);
  const polling = crowd.clients * (1 - crowd.sockets);
  const far = Math.max(FAR_MS, (polling / FAR_POLLS_PER_SECOND) * 1000);
  return Math.max(near, Math.min(far, (rounds * holdMs) / 2));
}

/** A no-show looks again when its time is over; the others have something to do at once. */
function heldMs(shown: Shown, plan: Plan): number {
  return plan.behaviour.kind === 'no-show' ? Math.max(0, shown.holdMs ?? 0) : 0;
}
