import { connect } from 'node:net';

const [LEAVE_GROUP, VERSION] = [13, 1];

/**
 * Throws a member out of a group, as a broker does that has not heard of it for its session. Kafka's own request, for
 * kafkajs has no call for it. The group's coordinator is the first of these brokers.
 */
export async function leaveGroup(bootstrap: string, group: string, memberId: string): Promise<void> {
  const [host = '', port = ''] = (bootstrap.split(',')[0] ?? '').split(':');
  const body = Buffer.concat([
    int16(LEAVE_GROUP),
    int16(VERSION),
    Buffer.alloc(4),
    ...['test', group, memberId].map(text),
  ]);
  const size = Buffer.alloc(4);
  size.writeInt32BE(body.length);
  const answer = await new Promise<Buffer>((resolve, reject) => {
    const socket = connect(Number(port), host, () => socket.write(Buffer.concat([size, body])));
    socket.once('error', reject);
    socket.once('data', (data) => {
      socket.destroy();
      resolve(data);
    });
  });
  // size, correlation, throttle, error
  const error = answer.readInt16BE(12);
  if (error !== 0) throw new Error(`Kafka does not let ${memberId} leave: error ${error}`);
}

function int16(value: number): Buffer {
  const buffer = Buffer.alloc(2);
  buffer.writeInt16BE(value);
  return buffer;
}

const text = (value: string): Buffer => Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)]);
