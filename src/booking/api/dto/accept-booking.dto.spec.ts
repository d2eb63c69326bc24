import { Ajv } from 'ajv';
import { plainToInstance } from 'class-transformer';
import { validate } from 'class-validator';
import fc from 'fast-check';
import { AcceptBookingDto, AcceptStayDto, EMAIL_PATTERN } from './accept-booking.dto.js';
import { bodySchemaOf, either } from './body-schema.js';

/** As the server compiles it. */
const compiled = new Ajv({
  coerceTypes: false,
  removeAdditional: false,
  useDefaults: false,
  allErrors: true,
}).compile(either('hotelId', bodySchemaOf(AcceptStayDto), bodySchemaOf(AcceptBookingDto)));

/** As the pipe of the other routes would decide. */
async function decorated(body: object): Promise<boolean> {
  const dto: new () => object = 'hotelId' in body ? AcceptStayDto : AcceptBookingDto;
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
const method = fc.oneof(fc.stringMatching(/^[A-Za-z0-9_.:-]{1,201}$/), text);

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

  it('covers every field of the DTOs', () => {
    expect(Object.keys(bodySchemaOf(AcceptStayDto).properties).sort()).toEqual(
      ['checkIn', 'checkOut', 'email', 'hotelId', 'paymentMethod', 'roomType', 'rooms', 'userId'].sort(),
    );
    expect(Object.keys(bodySchemaOf(AcceptBookingDto).properties).sort()).toEqual(
      ['email', 'eventId', 'paymentMethod', 'quantity', 'ticketType', 'userId'].sort(),
    );
  });
});
