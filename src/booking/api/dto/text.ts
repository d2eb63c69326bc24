/** What `CleanText` takes, as the OpenAPI document says it; half a surrogate pair is no text in any of its encodings. */
export const text = (maxLength: number, minLength = 1) => ({
  type: 'string' as const,
  minLength,
  maxLength,
  pattern: '^[^\\u0000]*$',
});
