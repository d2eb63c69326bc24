/**
 * The fields of draft-ietf-httpapi-ratelimit-headers (from revision 08 on): lists of structured fields, a member for each
 * limit.
 */

/** A member of `RateLimit-Policy`: so many requests in so many seconds. */
export const quotaField = (limit: string, quota: number, windowSeconds: number): string =>
  `"${limit}";q=${quota};w=${windowSeconds}`;

/** A member of `RateLimit`: so many may follow at once, and the whole quota is there again in so many seconds. */
export const standingField = (limit: string, remaining: number, resetSeconds: number): string =>
  `"${limit}";r=${remaining};t=${Math.ceil(resetSeconds)}`;
