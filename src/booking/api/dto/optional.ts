import { ValidateIf } from 'class-validator';

/** May be left out. Unlike `@IsOptional`, null is not the same as nothing: it is refused like any other wrong type. */
export const Optional = (): PropertyDecorator => ValidateIf((_, value: unknown) => value !== undefined);
