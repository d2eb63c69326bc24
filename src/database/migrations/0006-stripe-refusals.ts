/**
 * Why an intent is about to be given up, written down before it is canceled: whoever sees the end of it first, an event
 * of Stripe's or a worker, closes it with the same reason.
 */
export const sql = /* sql */ `
alter table stripe_intent add column intended_refusal text;
`;
