// A real stripe-mock for tests: what Stripe's published API says of a request.
import { isReachable } from '../support/reachable.mjs';
import { endStripeMock, isStripeMockAt, startStripeMock } from '../support/stripe-mock.mjs';

export const variable = 'STRIPE_MOCK_URL';
export const remedy = 'set STRIPE_MOCK_URL to a stripe-mock of yours, like http://127.0.0.1:12111';

/** @param {string} url */
export const reachable = (url) => isReachable(url, 12111);

/**
 * @param {{ folder: string, say: (line: string) => void, record: (details: object) => void }} context
 * @returns {Promise<string>} its URL
 */
export const up = (context) => startStripeMock(context);

/** @param {{ port: number, folder: string }} details as recorded */
export const down = (details) => endStripeMock(details);

/** @param {{ port: number, folder: string }} details as recorded */
export const isUp = (details) => isStripeMockAt(details);
