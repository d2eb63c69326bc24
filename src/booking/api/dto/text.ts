interface TextSchema {
  readonly type: 'string';
  readonly minLength: number;
  readonly maxLength: number;
  readonly pattern: string;
}

/** What `CleanText` takes, as the OpenAPI document says it; half a surrogate pair is no text in any of its encodings. */
export const text = (maxLength: number, minLength = 1): TextSchema => ({
  type: 'string',
  minLength,
  maxLength,
  pattern: '^[^\\u0000]*$',
});
