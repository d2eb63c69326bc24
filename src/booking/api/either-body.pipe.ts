import type { ArgumentMetadata, PipeTransform } from '@nestjs/common';
import { validationPipe } from '../../common/validation.js';

type Dto<T> = new () => T;

/** A body with this member is checked as one DTO, without it as another. */
export class EitherBody<A extends object, B extends object> implements PipeTransform<
  unknown,
  Promise<A | B>
> {
  private readonly pipe = validationPipe();

  constructor(
    private readonly member: string,
    private readonly withIt: Dto<A>,
    private readonly without: Dto<B>,
  ) {}

  transform(body: unknown, { data }: ArgumentMetadata): Promise<A | B> {
    const has = typeof body === 'object' && body !== null && Object.hasOwn(body, this.member);
    return this.pipe.transform(body, {
      type: 'body',
      metatype: has ? this.withIt : this.without,
      data,
    }) as Promise<A | B>;
  }
}
