import { createSecretKey, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { redisSettings } from '../../../src/config/redis.js';
import { Reader } from '../../../src/config/reader.js';
import { Database } from '../../../src/database/database.js';
import { StoredLevels } from '../../../src/database/shared-levels.js';
import { EXCHANGE_MS } from '../../../src/security/rate-limit/level-exchange.js';
import { LocalRateLimiter } from '../../../src/security/rate-limit/local-rate-limiter.js';
import { RedisLevels } from '../../../src/security/rate-limit/redis-levels.js';
import type { Addition, SharedLevels } from '../../../src/security/rate-limit/shared-levels.js';
import { AppProcess } from '../../support/process.js';
import { Api, eventually, Ground, unique, wish } from '../../support/app.js';
import { describeWithRedis } from '../../support/redis.js';

const LIMIT = 40;
const secret = createSecretKey(randomBytes(32));

interface Store {
  levels(): SharedLevels;
  /** Every key of it. */
  keys(): Promise<string[]>;
}

/** A store that can be away. */
class Door implements SharedLevels {
  isAway = false;
  calls = 0;
  constructor(private readonly behind: SharedLevels) {}

  async add(additions: readonly Addition[]): Promise<readonly number[]> {
    this.calls++;
    if (this.isAway) throw new Error('away');
    return this.behind.add(additions);
  }
  close(): Promise<void> {
    return this.behind.close();
  }
}

/** What every store of shared counts does; two limiters stand for two processes. */
function describeStore(store: () => Store): void {
  const limiters: LocalRateLimiter[] = [];
  afterEach(async () => {
    await Promise.all(limiters.splice(0).map((limiter) => limiter.close()));
  });

  const limiter = (shared: SharedLevels, limit = LIMIT, windowMs = 600_000): LocalRateLimiter => {
    const made = new LocalRateLimiter({
      limits: new Map([['customer', { limit, windowMs }]]),
      now: () => performance.now(),
      shared,
      secret,
      onAway: () => undefined,
    });
    limiters.push(made);
    return made;
  };
  const pair = (): [LocalRateLimiter, LocalRateLimiter] => [
    limiter(store().levels()),
    limiter(store().levels()),
  ];

  it('adds up what all add, in one step for many, and lets it run out', async () => {
    const levels = store().levels();
    const [a, b] = [unique('a'), unique('b')];
    expect(
      await levels.add([
        { key: a, ms: 5000 },
        { key: b, ms: 50 },
      ]),
    ).toEqual([expect.closeTo(5000, 0), expect.closeTo(50, 0)]);
    await sleep(100);
    const [more = 0, again = 0] = await levels.add([
      { key: a, ms: 1000 },
      { key: b, ms: 50 },
    ]);
    expect(more).toBeLessThanOrEqual(5900);
    expect(more).toBeGreaterThan(3000);
    // What had run out owes nothing.
    expect(again).toBeCloseTo(50, 0);
    await levels.close();
  });

  it('a customer who spreads requests over two processes gets one quota, and what the two had not told each other yet', async () => {
    const [a, b] = pair();
    const who = unique('fan');
    let allowed = 0;
    for (let i = 0; i < 2 * LIMIT; i++) {
      if ((i % 2 === 0 ? a : b).take('customer', who)?.allowed === true) allowed++;
      await sleep(5);
    }
    // A tenth of the quota for each, and what one interval and its round trip let through.
    expect(allowed).toBeGreaterThanOrEqual(LIMIT);
    expect(allowed).toBeLessThanOrEqual(2 * LIMIT - LIMIT / 4);
    await eventually('both refuse', async () => {
      const both = [a, b].map((one) => one.take('customer', who)?.allowed);
      return both.includes(true) ? null : both;
    });
  });

  it('who used it up on one process finds it used up on another', async () => {
    const [a, b] = pair();
    const who = unique('fan');
    for (let i = 0; i < LIMIT; i++) a.take('customer', who);
    // So much the other may keep to itself; then it tells, and learns.
    let allowed = 0;
    await eventually('the other refuses', async () => {
      if (b.take('customer', who)?.allowed !== true) return true;
      allowed++;
      return null;
    });
    expect(allowed).toBeGreaterThanOrEqual(LIMIT / 10);
    expect(allowed).toBeLessThan(LIMIT);
  });

  it('nobody who uses little costs the store anything', async () => {
    const door = new Door(store().levels());
    const quiet = limiter(door);
    for (let fan = 0; fan < 500; fan++) quiet.take('customer', unique('fan'));
    await sleep(2 * EXCHANGE_MS);
    expect(door.calls).toBe(0);
  });

  it('each counts alone while the store is away, and they add up again when it is back', async () => {
    const [doors, who] = [[new Door(store().levels()), new Door(store().levels())], unique('fan')];
    const [a, b] = doors.map((door) => limiter(door));
    for (const door of doors) door.isAway = true;
    const taken = (one = a): number =>
      Array.from({ length: 2 * LIMIT }, () => one?.take('customer', who)?.allowed).filter((ok) => ok === true)
        .length;
    expect([taken(a), taken(b)]).toEqual([LIMIT, LIMIT]);
    await eventually(
      'the store is missed',
      async () => (a?.isStoreAway() === true && b?.isStoreAway() === true) || null,
    );
    for (const door of doors) door.isAway = false;
    await eventually(
      'the store is back',
      async () => (a?.isStoreAway() === false && b?.isStoreAway() === false) || null,
    );
    // Both quotas are told, and whoever told last knows: as much again has to run out before it lets anybody in.
    const waits = [a, b].map((one) => one?.take('customer', who)?.retryAfterMs ?? 0);
    expect(Math.max(...waits)).toBeGreaterThan(500_000);
  });

  it('shows nobody who they are that it counts', async () => {
    const who = unique('someone');
    const one = limiter(store().levels());
    for (let i = 0; i < LIMIT; i++) one.take('customer', who);
    const keys = await eventually('the store has keys', async () => {
      const all = await store().keys();
      return all.length > 0 ? all : null;
    });
    expect(keys.join(' ')).not.toContain(who);
  });
}

describe('limits shared through the database', () => {
  let ground: Ground;
  let database: Database;
  beforeAll(async () => {
    ground = await Ground.prepare();
    database = new Database(ground.databaseUrl, 4);
  });
  afterAll(async () => {
    await database.close();
    await ground.release();
  });

  describeStore(() => ({
    levels: () => new StoredLevels(database),
    keys: async () => (await ground.sql('select key from rate_limit')).map(({ key }) => key),
  }));

  it('what has run out is forgotten', async () => {
    const levels = new StoredLevels(database, 50);
    const [gone, stays] = [unique('gone'), unique('stays')];
    await levels.add([
      { key: gone, ms: 1 },
      { key: stays, ms: 60_000 },
    ]);
    const keys = await eventually('it is gone, with nothing added', async () => {
      const all = (await ground.sql('select key from rate_limit')).map(({ key }) => key);
      return all.includes(gone) ? null : all;
    });
    expect(keys).toContain(stays);
    await levels.close();
  });

  it('all that has run out is forgotten within a round or two, however much it is', async () => {
    const stays = unique('stays');
    await ground.sql(`insert into rate_limit select 'many-' || n, now() from generate_series(1, 40000) n`);
    const levels = new StoredLevels(database, 1000);
    await levels.add([{ key: stays, ms: 600_000 }]);
    const left = async (): Promise<number> => {
      const [row] = await ground.sql(
        `select count(*)::integer as rows from rate_limit where key like 'many-%'`,
      );
      return row?.rows;
    };
    await eventually('all of them are gone', async () => ((await left()) === 0 ? true : null), 15_000);
    expect((await ground.sql('select key from rate_limit')).map(({ key }) => key)).toContain(stays);
    await levels.close();
  });

  it('two processes of the application give a customer one quota', async () => {
    const env = ground.env({
      ROLE: 'api',
      PORT: '0',
      PROMETHEUS_PORT: '0',
      LOG_LEVEL: 'info',
      RATE_LIMIT_PER_CUSTOMER: `${LIMIT}/600s`,
    });
    const processes = [AppProcess.spawn([], env), AppProcess.spawn([], env)];
    try {
      const doors = await Promise.all(processes.map(async (one) => Api.at((await one.listening()).url)));
      const offer = await doors[0]?.offer({ capacity: 1000, limitPerCustomer: 20 });
      const body = wish(offer, { userId: unique('fan') });
      let allowed = 0;
      for (let i = 0; i < 2 * LIMIT; i++) {
        const answer = await doors[i % 2]?.post('/api/bookings', body);
        if (answer?.status !== 429) allowed++;
        else expect(answer.body).toMatchObject({ code: 'RATE_LIMITED', limit: 'customer' });
        await sleep(20);
      }
      // Alone each would have let all of its 40 in: 80.
      expect(allowed).toBeGreaterThanOrEqual(LIMIT);
      expect(allowed).toBeLessThanOrEqual(LIMIT + (2 * LIMIT) / 10 + 15);
    } finally {
      await Promise.all(processes.map((one) => one.stop()));
    }
  });
});

describeWithRedis('limits shared through Redis', (url) => {
  const name = `limits-${process.pid}-${randomBytes(4).toString('hex')}`;
  const settings = redisSettings(new Reader({ REDIS_URL: url }));
  const opened: RedisLevels[] = [];
  const levels = (): RedisLevels => {
    if (settings === null) throw new TypeError('REDIS_URL names no Redis');
    const made = new RedisLevels(settings, name);
    opened.push(made);
    return made;
  };
  afterAll(async () => {
    await Promise.all(opened.map((one) => one.close()));
  });

  describeStore(() => ({ levels, keys: () => keysOf(url, `{${name}:rate-limit}:*`) }));
});

/** They have a time to live: nothing is left behind for long. */
async function keysOf(url: string, pattern: string): Promise<string[]> {
  const { Redis } = await import('ioredis');
  const client = new Redis(url);
  try {
    return await client.keys(pattern);
  } finally {
    client.disconnect();
  }
}
