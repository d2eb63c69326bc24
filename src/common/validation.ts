import { ValidationPipe, type ValidationError } from '@nestjs/common';
import { registerDecorator, type ValidationOptions } from 'class-validator';
import type { AppError } from './errors.js';
import { validationFailed, type FieldError } from './problem.js';
import { isCleanText } from './text.js';

/**
 * The one pipe for what controllers take: unknown fields are refused, nothing is converted on the quiet, and
 * every mistake is in the answer as `errors: [{field, message}]`.
 */
export const validationPipe = (): ValidationPipe =>
  new ValidationPipe({
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: true,
    transform: true,
    transformOptions: { enableImplicitConversion: false },
    // What was sent stays out of errors, and so out of logs.
    validationError: { target: false, value: false },
    exceptionFactory: refusalOf,
  });

/** Errors of class-validator, nested ones too, as one refusal. */
export const refusalOf = (errors: readonly ValidationError[]): AppError =>
  validationFailed(errors.flatMap((error) => fieldErrors(error, '')));

function fieldErrors(error: ValidationError, parent: string): FieldError[] {
  const field = parent === '' ? error.property : `${parent}.${error.property}`;
  const own = Object.values(error.constraints ?? {}).map((message) => ({
    field,
    message: `${prefix(parent)}${message}`,
  }));
  return [...own, ...(error.children ?? []).flatMap((child) => fieldErrors(child, field))];
}

// Messages begin with the property's own name; a reader needs the way to it as well.
const prefix = (parent: string): string => (parent === '' ? '' : `${parent}.`);

/**
 * Text that can be stored, sent and shown: `min` to `max` code points (as JSON schema counts them), no U+0000, no
 * lone surrogate.
 */
export function CleanText(
  max: number,
  options: ValidationOptions & { readonly min?: number } = {},
): PropertyDecorator {
  const { min = 1, ...rest } = options;
  return (target, propertyName) => {
    registerDecorator({
      name: 'cleanText',
      target: target.constructor,
      propertyName: String(propertyName),
      constraints: [min, max],
      options: rest,
      validator: {
        validate: (value: unknown) =>
          typeof value === 'string' && hasLength(value, min, max) && isCleanText(value),
        defaultMessage: () =>
          `$property must be text of ${min} to ${max} characters without U+0000 or lone surrogates`,
      },
    });
  };
}

/** The same rule for a JSON schema (ajv compiles patterns with the `u` flag). */
export const CLEAN_TEXT_PATTERN = '^[^\\u0000\\p{Surrogate}]*$';

function hasLength(text: string, min: number, max: number): boolean {
  // A code point is one or two units: a text beyond that need not be counted.
  if (text.length < min || text.length > 2 * max) return false;
  const { length } = [...text];
  return length >= min && length <= max;
}
