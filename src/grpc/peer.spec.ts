import { peerAddress } from './peer.js';

describe('the address of a peer', () => {
  it.each([
    ['203.0.113.7:5000', '203.0.113.7'],
    ['::ffff:203.0.113.7:5000', '203.0.113.7'],
    ['[::ffff:203.0.113.7]:5000', '203.0.113.7'],
    ['2001:db8::5:5000', '2001:db8::5'],
    ['[2001:db8::5]:5000', '2001:db8::5'],
    ['::1:5000', '::1'],
    ['fe80::1%eth0:5000', 'fe80::1%eth0'],
    ['ipv4:203.0.113.7:5000', '203.0.113.7'],
    ['ipv6:[2001:db8::5]:5000', '2001:db8::5'],
    ['undefined:undefined', ''],
    ['unknown', ''],
    ['/tmp/a.sock', ''],
    ['', ''],
  ])('%s is %j', (peer, address) => {
    expect(peerAddress({ getPeer: () => peer })).toBe(address);
  });
});
