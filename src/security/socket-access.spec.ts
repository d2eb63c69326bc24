import { SignJWT } from 'jose';
import { Authenticator } from './authentication.js';
import { BookingTokens } from './booking-token.js';
import { BookingOwners, TokenSocketAccess } from './socket-access.js';

const SECRET = 'a secret of at least thirty-two characters';
const secret = new TextEncoder().encode(SECRET);
const tokens = new BookingTokens(secret);
const [mine, other, missing] = ['1', '2', '3'].map((n) => `018f2a3b-0000-7000-8000-00000000000${n}`) as [
  string,
  string,
  string,
];

class Owners extends BookingOwners {
  asked = 0;
  override async ownerOf(bookingId: string): Promise<string | null> {
    this.asked += 1;
    return await Promise.resolve(bookingId === mine ? 'ann' : bookingId === other ? 'bob' : null);
  }
}

const jwt = async (claims: Record<string, unknown>): Promise<string> =>
  await new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(secret);

describe('the room of a booking', () => {
  const owners = new Owners();
  let access: TokenSocketAccess;
  beforeAll(async () => {
    const auth = { required: true, jwtSecret: SECRET, jwksUrl: null, issuer: null, audience: null };
    access = new TokenSocketAccess(await Authenticator.create(auth, secret, tokens), owners);
  });

  it('opens to its own token, without a question to the ledger', async () => {
    expect(await access.mayWatch(tokens.issue(mine), mine)).toBe(true);
    expect(await access.mayWatch(tokens.issue(other), mine)).toBe(false);
    expect(owners.asked).toBe(0);
  });

  it('opens to its owner and to operators', async () => {
    const ann = await jwt({ sub: 'ann' });
    expect(await access.mayWatch(ann, mine)).toBe(true);
    expect(await access.mayWatch(ann, other)).toBe(false);
    expect(await access.mayWatch(ann, missing)).toBe(false);
    expect(await access.mayWatch(await jwt({ sub: 'op', role: 'operator' }), other)).toBe(true);
  });

  it('stays closed to no token and to a bad one', async () => {
    for (const token of [null, '', 'nonsense', 'bt_forged', `${await jwt({ sub: 'ann' })}x`]) {
      expect(await access.mayWatch(token, mine)).toBe(false);
    }
  });

  it('stays closed to a customer without a name where the booking is not there', async () => {
    expect(await access.mayWatch(await jwt({ sub: '' }), missing)).toBe(false);
  });
});
