import { parseDeadJob, parseMessage, toMessage } from './message.js';

const now = new Date('2026-01-02T03:04:05.678Z');
const data = { bookingId: 'b', fence: 2, correlationId: 'c' };

describe('A message', () => {
  it('survives the way over a broker', () => {
    const message = toMessage({ jobId: 'fulfil-b', type: 'booking.fulfil', data }, now);
    expect(message).toEqual({
      jobId: 'fulfil-b',
      type: 'booking.fulfil',
      data,
      timestamp: now.toISOString(),
    });
    expect(parseMessage('booking.fulfil', JSON.parse(JSON.stringify(message)))).toEqual(message);
  });

  it.each(['', '12', 'a b', 'a:b', 'a/b', 'a\n', 'x'.repeat(129)])('is not made under the id %j', (jobId) => {
    expect(() => toMessage({ jobId, type: 'booking.fulfil', data }, now)).toThrow(RangeError);
  });

  it.each([
    null,
    'text',
    [],
    {},
    { jobId: 'a', type: 'booking.admit', data: { offerId: 'o' }, timestamp: 't' },
    { jobId: 'a', type: 'booking.fulfil', data: { ...data, fence: '2' }, timestamp: 't' },
    { jobId: 'a', type: 'booking.fulfil', data: { ...data, fence: 1.5 }, timestamp: 't' },
    { jobId: 'a', type: 'booking.fulfil', data: null, timestamp: 't' },
    { jobId: 1, type: 'booking.fulfil', data, timestamp: 't' },
    { jobId: 'a', type: 'booking.fulfil', data },
  ])('is not read from %j', (raw) => {
    expect(parseMessage('booking.fulfil', raw)).toBeNull();
  });

  it('carries its reason when it is the copy of a dead job, and is none without', () => {
    const message = toMessage({ jobId: 'a', type: 'booking.admit', data: { offerId: 'o' } }, now);
    const dead = { ...message, reason: 'STALLED', attempts: 3, failedAt: now.toISOString() };
    expect(parseDeadJob('booking.admit', dead)).toEqual(dead);
    expect(parseDeadJob('booking.admit', message)).toBeNull();
  });
});
