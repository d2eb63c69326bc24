import fc from 'fast-check';
import { addressKey, isLoopback } from './address-key.js';

describe('what an address is counted by', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::ffff:cb00:7107', '203.0.113.7'],
    ['0:0:0:0:0:ffff:203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002::', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::6', '2001:db8:1:2::/64'],
    ['2001:db8::', '2001:db8:0:0::/64'],
    ['2001:db8::192.0.2.1', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
  ])('%s is %s', (address, key) => {
    expect(addressKey(address)).toBe(key);
  });

  it('every address of one network of 64 bits is one, and the next network another', () => {
    const group = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16));
    const groups = fc.array(group, { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(groups, groups, groups, group, (network, one, other, last) => {
        fc.pre(network[0] !== '0' && last !== network[3]);
        const at = (front: readonly string[], back: readonly string[]): string =>
          [...front, ...back].join(':');
        expect(addressKey(at(network, one))).toBe(addressKey(at(network, other)));
        expect(addressKey(at([...network.slice(0, 3), last], one))).not.toBe(addressKey(at(network, one)));
      }),
    );
  });

  it('what is no address is counted as it stands, and never longer than an address', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), (text) => {
        expect(addressKey(text).length).toBeLessThanOrEqual(64);
        expect(addressKey(text)).toBe(addressKey(text));
      }),
    );
  });

  it('the machine itself is known in each notation, and nothing else is', () => {
    for (const address of ['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1']) {
      expect(isLoopback(address)).toBe(true);
    }
    for (const address of ['128.0.0.1', '127.example.org', '::2', '::ffff:10.0.0.1', '']) {
      expect(isLoopback(address)).toBe(false);
    }
  });
});
