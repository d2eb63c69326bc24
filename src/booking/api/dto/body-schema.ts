import { getMetadataStorage } from 'class-validator';
import { CLEAN_TEXT_PATTERN } from '../../../common/validation.js';

interface PropertySchema {
  type?: 'string' | 'integer';
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  pattern?: string;
}

export interface BodySchema {
  readonly type: 'object';
  readonly additionalProperties: false;
  readonly required: readonly string[];
  readonly properties: Readonly<Record<string, PropertySchema>>;
}

/**
 * The JSON schema of a DTO by its class-validator decorators: the route that must be fast is validated by the same
 * rules, compiled. A decorator that has no translation is an error at start, never a rule that is not applied.
 */
export function bodySchemaOf(dto: new () => object): BodySchema {
  const properties: Record<string, PropertySchema> = {};
  const optional = new Set<string>();
  for (const rule of getMetadataStorage().getTargetValidationMetadatas(dto, '', true, false)) {
    const property = (properties[rule.propertyName] ??= {});
    const name = rule.name ?? rule.type;
    if (name === 'isOptional' || rule.type === 'conditionalValidation') optional.add(rule.propertyName);
    else Object.assign(property, translate(name, constraints(rule)));
  }
  return {
    type: 'object',
    additionalProperties: false,
    required: Object.keys(properties).filter((name) => !optional.has(name)),
    properties,
  };
}

export interface EitherSchema<Schema> {
  readonly type: 'object';
  readonly if: { readonly required: readonly string[] };
  readonly then: Schema;
  readonly else: Schema;
}

/** A body with this member is one thing, without it another: so what is wrong is said of the one that was meant. */
export const either = <Schema>(member: string, withIt: Schema, without: Schema): EitherSchema<Schema> => ({
  type: 'object',
  if: { required: [member] },
  then: withIt,
  else: without,
});

const constraints = (rule: { constraints: readonly unknown[] | undefined }): readonly unknown[] =>
  rule.constraints ?? [];

function translate(name: string, values: readonly unknown[]): PropertySchema {
  const [first, second] = values;
  switch (name) {
    case 'cleanText':
      return {
        type: 'string',
        minLength: Number(first),
        maxLength: Number(second),
        pattern: CLEAN_TEXT_PATTERN,
      };
    case 'isInt':
      return { type: 'integer' };
    case 'min':
      return { minimum: Number(first) };
    case 'max':
      return { maximum: Number(first) };
    case 'maxLength':
      return { maxLength: Number(first) };
    case 'matches':
      if (!(first instanceof RegExp)) throw new TypeError('@Matches needs a regular expression');
      return { type: 'string', pattern: first.source };
    default:
      throw new TypeError(`@${name} has no translation into a JSON schema`);
  }
}

const FLAT = { not: { anyOf: [{ type: 'object' }, { type: 'array' }] } } as const;
const FIELDS = { type: 'object', additionalProperties: FLAT } as const;
const SHALLOW = {
  anyOf: [FLAT, FIELDS, { type: 'array', items: { anyOf: [FLAT, FIELDS] } }],
} as const;

export interface ShallowSchema {
  readonly type: 'object';
  readonly additionalProperties: false;
  readonly properties: Readonly<Record<string, typeof SHALLOW>>;
}

/**
 * What is looked at before the pipe of a DTO: no field but its own, and nothing deeper than fields within a field, or within the items of one.
 * The pipe walks by recursion whatever it is given, and thousands of brackets would end its stack; and to it a field
 * called `constructor` or `toString` is one that every object has.
 */
export function shallowSchemaOf(dto: new () => object): ShallowSchema {
  const rules = getMetadataStorage().getTargetValidationMetadatas(dto, '', true, false);
  const properties = Object.fromEntries(rules.map(({ propertyName }) => [propertyName, SHALLOW]));
  return { type: 'object', additionalProperties: false, properties };
}
