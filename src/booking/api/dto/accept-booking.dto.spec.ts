import { Ajv } from 'ajv';
import { plainToInstance } from 'class-transformer';
import { validate } from 'class-validator';
import fc from 'fast-check';
import { AcceptBookingDto, AcceptStayDto, EMAIL_PATTERN, type JoinLineDto } from './accept-booking.dto.js';
import { bodySchemaOf, either } from './body-schema.js';
import { PaymentDto } from './payment.dto.js';

/** As the server compiles it. */
const compiled = new Ajv({
  coerceTypes: false,
  removeAdditional: false,
  useDefaults: false,
  allErrors: true,
}).compile(either('hotelId', bodySchemaOf(AcceptStayDto), bodySchemaOf(AcceptBookingDto)));

const dtoOf = (body: object): new () => object => ('hotelId' in body ? AcceptStayDto : AcceptBookingDto);

/** As the pipe of the other routes would decide. */
async function decorated(body: object, dto: new () => object = dtoOf(body)): Promise<boolean> {
  const errors = await validate(plainToInstance(dto, body), {
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: true,
  });
  return errors.length === 0;
}

const odd = fc.oneof(
  fc.constantFrom('', ' ', 'a\u0000', '\ud800', 'a\udfff', '😀', 'x'.repeat(128), 'x'.repeat(129)),
  fc.constantFrom('😀'.repeat(128), '😀'.repeat(129), 'é'.repeat(128), 'pm_ok\n', 'a@b', 'a@b.c\n'),
  fc.constantFrom(null, true, false, 0, -0, 1, 50, 51, 1.5, 1e300, -1, 2 ** 53),
  fc.array(fc.constant('a'), { maxLength: 2 }),
  fc.constant({}),
);
const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 140 }), fc.string({ maxLength: 10 }), odd);
const email = fc.oneof(fc.emailAddress(), fc.stringMatching(new RegExp(EMAIL_PATTERN)), text);
const quantity = fc.oneof(fc.integer({ min: -2, max: 60 }), fc.double(), odd);
const date = fc.oneof(
  fc.constantFrom(
    '2027-07-01',
    '2027-02-30',
    '2027-13-01',
    '1999-01-01',
    '2027-7-1',
    '2027-07-01T00:00:00Z',
    '2027-07-01\n',
  ),
  text,
);
const digits = fc.stringMatching(/^[_.:-]?(\d[_.:-]?){10,21}$/);
const method = fc.oneof(fc.stringMatching(/^[A-Za-z0-9_.:-]{1,201}$/), digits, text);

const body = fc.record(
  {
    userId: fc.oneof(fc.constant('fan-1'), text),
    eventId: fc.oneof(fc.constant('event'), text),
    ticketType: text,
    quantity,
    email,
    paymentMethod: method,
    hotelId: fc.oneof(fc.constant('hotel'), text),
    roomType: text,
    checkIn: date,
    checkOut: date,
    rooms: quantity,
    unknown: odd,
  },
  { requiredKeys: [] },
);
const valid = { userId: 'fan-1', eventId: 'event' };
const stay = { userId: 'fan-1', hotelId: 'hotel', checkIn: '2027-07-01', checkOut: '2027-07-04' };

describe('the compiled schema of the accept route', () => {
  it('decides as the decorators of its DTO do, whatever the body', async () => {
    await fc.assert(
      fc.asyncProperty(body, async (sent) => {
        expect({ sent, takes: compiled(sent) }).toEqual({ sent, takes: await decorated(sent) });
      }),
      { numRuns: 1000 },
    );
  });

  it('decides as they do about each field of a body that is valid otherwise', async () => {
    const fields = [
      ['userId', text],
      ['eventId', text],
      ['ticketType', text],
      ['quantity', quantity],
      ['email', email],
      ['paymentMethod', method],
      ['unknown', odd],
    ] as const;
    const ofStays = [
      ['hotelId', text],
      ['roomType', text],
      ['checkIn', date],
      ['checkOut', date],
      ['rooms', quantity],
      ['email', email],
      ['eventId', text],
      ['unknown', odd],
    ] as const;
    const cases = [
      ...fields.map(([field, values]) => [valid, field, values] as const),
      ...ofStays.map(([field, values]) => [stay, field, values] as const),
    ];
    for (const [rest, field, values] of cases) {
      await fc.assert(
        fc.asyncProperty(values, async (value: unknown) => {
          const sent = { ...rest, [field]: value };
          expect({ sent, takes: compiled(sent) }).toEqual({ sent, takes: await decorated(sent) });
        }),
        { numRuns: 300 },
      );
    }
  });

  it.each([
    [valid, true],
    [{ ...valid, ticketType: 'seated', quantity: 50, email: 'a@b.c', paymentMethod: 'pm_ok' }, true],
    [{ ...valid, email: null }, false],
    [{ ...valid, quantity: '1' }, false],
    [{ ...valid, quantity: 51 }, false],
    [{ ...valid, userId: '' }, false],
    [{ userId: 'fan-1' }, false],
    [{ ...valid, constructor: 1 }, false],
    [stay, true],
    [{ ...stay, roomType: 'double', rooms: 2, email: 'a@b.c', paymentMethod: 'pm_ok' }, true],
    [{ ...stay, eventId: 'event' }, false],
    [{ ...stay, quantity: 1 }, false],
    [{ ...stay, checkIn: '2027-7-1' }, false],
    [{ userId: 'fan-1', hotelId: 'hotel', checkIn: '2027-07-01' }, false],
    [{ ...valid, checkIn: '2027-07-01' }, false],
  ])('takes or refuses %j as it should', (sent, takes) => {
    expect(compiled(sent)).toBe(takes);
  });

  it.each([
    ...['4242424242424242', '4242-4242-4242-4242', '4242.4242.4242.4242', '4242_4242_4242_4242'],
    ...['4242 4242 4242 4242', '378282246310005', '3782-822463-10005', '-4242424242424242-'],
    ...['501812345678', '6304000000000000000', '6304-0000-0000-0000-000'],
  ])('takes no number of a card as a payment method: %s', async (paymentMethod) => {
    for (const body of [valid, stay]) {
      const sent: Partial<JoinLineDto> = { ...body, paymentMethod };
      expect([compiled(sent), await decorated(sent)]).toEqual([false, false]);
    }
    expect(await decorated({ paymentMethod }, PaymentDto)).toBe(false);
  });

  it.each([
    ...['pm_4242424242424242', '4242424242424242a', '12345678901', '12345678901234567890'],
    ...['f47ac10b-58cc-4372-a567-0e02b2c3d479', '00000000-0000-4000-8000-000000000000', 'tok:1', '...'],
  ])('takes the token of a provider, though there are digits in it: %s', async (paymentMethod) => {
    const sent = { ...valid, paymentMethod };
    expect([compiled(sent), await decorated(sent)]).toEqual([true, true]);
    expect(await decorated({ paymentMethod }, PaymentDto)).toBe(true);
  });

  it('covers every field of the DTOs', () => {
    expect(Object.keys(bodySchemaOf(AcceptStayDto).properties).sort()).toEqual(
      ['checkIn', 'checkOut', 'email', 'hotelId', 'paymentMethod', 'roomType', 'rooms', 'userId'].sort(),
    );
    expect(Object.keys(bodySchemaOf(AcceptBookingDto).properties).sort()).toEqual(
      ['email', 'eventId', 'paymentMethod', 'quantity', 'ticketType', 'userId'].sort(),
    );
  });
});
