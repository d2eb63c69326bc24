import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { addressReader, clientAddress } from './client-address.js';

describe('the address of a client', () => {
  it('is IPv4 in its own notation on a dual-stack socket too', () => {
    expect(clientAddress({ ip: '::ffff:203.0.113.7' })).toBe('203.0.113.7');
    expect(clientAddress({ ip: '2001:db8::5' })).toBe('2001:db8::5');
  });

  it.each([[[]], [['10.0.0.1']]])('is empty where the connection is gone, trusted proxies %j', (trusted) => {
    const request = new IncomingMessage(new Socket());
    request.headers['x-forwarded-for'] = '203.0.113.7';
    expect(addressReader(trusted)(request)).toBe('');
    expect(clientAddress({ ip: undefined })).toBe('');
  });
});
