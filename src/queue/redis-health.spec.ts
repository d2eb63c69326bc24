import { assertRedisKeeps, readMemory, redisError, tellingRedisError } from './redis-health.js';

const reply = (message: string): Error => Object.assign(new Error(message), { name: 'ReplyError' });
const failure = (code: string): Error => Object.assign(new Error('of the socket'), { code });

describe('What is wrong with a Redis', () => {
  it.each([
    ['BROKER_AUTHENTICATION_FAILED', reply('WRONGPASS invalid username-password pair or user is disabled.')],
    ['BROKER_AUTHENTICATION_FAILED', reply('NOAUTH Authentication required.')],
    ['BROKER_NOT_AUTHORIZED', reply("NOPERM this user has no permissions to run the 'xadd' command")],
    [
      'BROKER_NOT_AUTHORIZED',
      reply("ERR The user executing the script can't run this command or subcommand"),
    ],
    ['BROKER_FULL', reply("OOM command not allowed when used memory > 'maxmemory'.")],
    ['BROKER_FAILED', reply('READONLY You can not write against a read only replica.')],
    ['BROKER_TLS_FAILED', failure('DEPTH_ZERO_SELF_SIGNED_CERT')],
    ['BROKER_TLS_FAILED', failure('ERR_SSL_WRONG_VERSION_NUMBER')],
    ['BROKER_UNREACHABLE', failure('ECONNREFUSED')],
    ['BROKER_UNREACHABLE', new Error('Command timed out')],
    ['BROKER_UNREACHABLE', 'not an error at all'],
  ])('is %s where it says %s', (code, error) => {
    expect(redisError('Redis at here:1', error)).toMatchObject({
      code,
      broker: 'Redis at here:1',
      cause: error,
    });
  });

  it('is told by the answer that says most', () => {
    const errors = [new Error('Connection is closed.'), failure('ECONNRESET'), reply('NOAUTH')];
    expect(tellingRedisError('Redis', errors).code).toBe('BROKER_AUTHENTICATION_FAILED');
    expect(tellingRedisError('Redis', errors.slice(0, 2)).detail).toBe('ECONNRESET');
  });

  it.each([
    ['allkeys-lru', 100, 'lasting', false],
    ['volatile-lru', 100, 'lasting', true],
    ['volatile-lru', 100, 'all', false],
    ['noeviction', 100, 'all', true],
    ['allkeys-lru', 0, 'all', true],
  ] as const)('%s with %i bytes of memory keeps %s keys: %s', async (policy, limit, kept, keeps) => {
    const info = `# Memory\r\nused_memory:1\r\nmaxmemory:${limit}\r\nmaxmemory_policy:${policy}\r\n`;
    expect(readMemory(info)).toEqual({ limit, policy });
    const check = assertRedisKeeps(() => Promise.resolve(info), 'Redis', kept);
    await (keeps ? expect(check).resolves.toBeUndefined() : expect(check).rejects.toThrow('BROKER_EVICTS'));
  });

  it('is believed to keep jobs where its settings may not be read', async () => {
    const refuse = (): Promise<never> => Promise.reject(reply('NOPERM'));
    await expect(assertRedisKeeps(refuse, 'Redis', 'all')).resolves.toBeUndefined();
  });
});
