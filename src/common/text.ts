/** U+0000, which PostgreSQL refuses, and surrogates without their other half, which no UTF-8 can hold. */
const UNSTORABLE = /[\u0000\p{Surrogate}]/u;

/** Whether the text can be stored, sent and shown as it is. */
export const isCleanText = (text: string): boolean => !UNSTORABLE.test(text);
