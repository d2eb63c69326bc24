import { ConfigError, loadConfig } from './load.js';

const mistakesOf = (env: Record<string, string>, argv: string[] = []): readonly string[] => {
  try {
    loadConfig(env, argv);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes;
    throw error;
  }
};

const PRODUCTION = {
  NODE_ENV: 'production',
  DATABASE_URL: 'postgres://db/fairline',
  JWT_SECRET: 'a secret of at least thirty-two characters',
  PUBLIC_URL: 'https://tickets.example',
  GRPC_PORT: 'off',
};

describe('the configuration', () => {
  it('needs no variable at all', () => {
    const config = loadConfig({});
    expect(config).toMatchObject({
      environment: 'development',
      role: 'all',
      prometheusPort: 9100,
      http: { port: 3000, publicUrl: 'http://127.0.0.1:3000' },
      database: { url: null },
      line: { maxLength: 100_000, holdSeconds: 120 },
      queue: { type: 'bullmq', name: 'booking-queue', redis: null, kafka: null },
      auth: { required: false, jwtSecret: null },
    });
  });

  it('leaves Bull Board read-only unless it is told otherwise', () => {
    expect(loadConfig({}).http.boardWritable).toBe(false);
    expect(loadConfig({ BULL_BOARD_WRITABLE: 'true' }).http.boardWritable).toBe(true);
    expect(mistakesOf({ BULL_BOARD_WRITABLE: 'maybe' })).toHaveLength(1);
  });

  it('reports every mistake at once, each by the name of its variable', () => {
    const mistakes = mistakesOf({
      NODE_ENV: 'prod',
      ROLE: 'boss',
      PORT: '70000',
      PROMETHEUS_PORT: '-1',
      QUEUE_TYPE: 'rabbit',
      QUEUE_NAME: 'a b',
      DATABASE_URL: 'mysql://db',
      AUTH_REQUIRED: 'maybe',
      JWT_SECRET: 'short',
      STEP_SECONDS: '1,2',
      SANDBOX_DECLINE_RATE: '1.5',
      CORS_ORIGINS: 'https://a.example/path',
      TRUSTED_PROXIES: '10.0.0.0/40',
      WORKER_CONCURRENCY: '1e3',
    });
    expect(mistakes.map((mistake) => mistake.split(' ')[0]).sort()).toEqual(
      [
        'AUTH_REQUIRED',
        'CORS_ORIGINS',
        'DATABASE_URL',
        'JWT_SECRET',
        'NODE_ENV',
        'PORT',
        'PROMETHEUS_PORT',
        'QUEUE_NAME',
        'QUEUE_TYPE',
        'ROLE',
        'SANDBOX_DECLINE_RATE',
        'STEP_SECONDS',
        'TRUSTED_PROXIES',
        'WORKER_CONCURRENCY',
      ].sort(),
    );
    expect(new ConfigError(mistakes).message).toContain('14 mistakes');
  });

  it('never falls back: an unknown value of a choice is refused with what is allowed', () => {
    expect(mistakesOf({ QUEUE_TYPE: 'memory' })).toEqual([
      'QUEUE_TYPE must be one of bullmq, streams, kafka, not "memory"',
    ]);
    expect(mistakesOf({ QUEUE_TYPE: 'kafka' })).toEqual([
      'QUEUE_TYPE=kafka needs KAFKA_BOOTSTRAP_SERVERS, like host:9092',
    ]);
    expect(mistakesOf({ QUEUE_TYPE: 'redis' })).toEqual(mistakesOf({ QUEUE_TYPE: 'streams' }));
    expect(mistakesOf({ QUEUE_TYPE: 'streams' })).toHaveLength(1);
    expect(mistakesOf({ REDIS_CLUSTER_NODES: 'a:1,b:2' })).toEqual([
      'QUEUE_TYPE=bullmq does not run on a Redis Cluster: use QUEUE_TYPE=streams',
    ]);
  });

  it('repeats no secret in a mistake', () => {
    const text = mistakesOf({
      DATABASE_URL: 'mysql://root:hunter2@db',
      JWT_SECRET: 'hunter2',
      SMTP_URL: 'hunter2',
      REDIS_URL: 'http://:hunter2@r',
    }).join('\n');
    expect(text.split('\n')).toHaveLength(4);
    expect(text).not.toContain('hunter2');
  });

  it('is frozen to the last leaf', () => {
    const config = loadConfig({ CORS_ORIGINS: 'https://a.example' });
    const leaves = (value: unknown): unknown[] =>
      typeof value === 'object' && value !== null ? [value, ...Object.values(value).flatMap(leaves)] : [];
    const objects = leaves(config);
    expect(objects.length).toBeGreaterThan(10);
    expect(objects.filter((object) => !Object.isFrozen(object))).toEqual([]);
  });

  it('takes an empty variable as one that is not set', () => {
    expect(loadConfig({ PORT: '', DATABASE_URL: ' ', QUEUE_TYPE: '' })).toEqual(loadConfig({}));
  });

  it('has its role from the command line before the environment, and refuses arguments that it does not know', () => {
    expect(loadConfig({ ROLE: 'api' }, ['--role', 'worker']).role).toBe('worker');
    expect(mistakesOf({}, ['--role', 'boss'])).toHaveLength(1);
    expect(mistakesOf({}, ['--rolle', 'api'])).toHaveLength(1);
    expect(mistakesOf({}, ['api'])).toHaveLength(1);
  });

  it('has Redis by URL or by host and port, not by both', () => {
    expect(loadConfig({ REDIS_HOST: 'r', REDIS_PORT: '6380' }).queue.redis).toMatchObject({
      kind: 'single',
      nodes: [{ host: 'r', port: 6380 }],
      tls: null,
    });
    expect(loadConfig({ REDIS_URL: 'rediss://me:se%40cret@[::1]:7000/2' }).queue.redis).toMatchObject({
      nodes: [{ host: '::1', port: 7000 }],
      ...{ username: 'me', password: 'se@cret', database: 2, tls: { caFile: null } },
    });
    expect(mistakesOf({ REDIS_HOST: 'r', REDIS_URL: 'redis://r' })).toHaveLength(1);
  });

  it('has a cluster of Redis, and a Redis that sentinels watch', () => {
    const streams = { QUEUE_TYPE: 'streams', REDIS_PASSWORD: 'secret' };
    const nodes = [
      { host: 'a', port: 7000 },
      { host: 'b', port: 7001 },
    ];
    expect(loadConfig({ ...streams, REDIS_CLUSTER_NODES: 'a:7000, b:7001' }).queue.redis).toMatchObject({
      ...{ kind: 'cluster', nodes, password: 'secret' },
    });
    const sentinels = { ...streams, REDIS_SENTINELS: 'a:7000,b:7001' };
    expect(loadConfig({ ...sentinels, REDIS_SENTINEL_NAME: 'main' }).queue.redis).toMatchObject({
      ...{ kind: 'sentinel', nodes, sentinelName: 'main' },
    });
    expect(mistakesOf(sentinels)).toHaveLength(1);
    expect(mistakesOf({ ...streams, REDIS_CLUSTER_NODES: 'a' })[0]).toContain('host:port');
  });

  it('tells of a Redis password that is not encoded, and of certificates without TLS', () => {
    expect(mistakesOf({ REDIS_URL: 'redis://:50%off@h:6379' })).toEqual([
      'REDIS_URL must have its user name and password percent-encoded: a % is %25',
    ]);
    expect(mistakesOf({ REDIS_HOST: 'h', REDIS_TLS_CA_FILE: 'ca.pem' })[0]).toContain('REDIS_TLS=true');
    expect(mistakesOf({ REDIS_URL: 'rediss://h', REDIS_TLS_CA_FILE: 'ca.pem' })).toEqual([]);
  });

  it('refuses what would be silently without effect, and repeats no password that stands in the wrong place', () => {
    const idle = [
      { REDIS_PASSWORD: 'secret' },
      { REDIS_URL: 'redis://h', REDIS_PORT: '7000' },
      { REDIS_URL: 'redis://h', REDIS_SENTINEL_NAME: 'main' },
      { REDIS_URL: 'rediss://h', REDIS_TLS: 'false' },
      { QUEUE_TYPE: 'kafka', KAFKA_BOOTSTRAP_SERVERS: 'h:9092', KAFKA_SASL_MECHANISM: 'plain' },
    ];
    for (const env of idle) expect(mistakesOf(env)).toHaveLength(1);
    const [mistake] = mistakesOf({ QUEUE_TYPE: 'streams', REDIS_CLUSTER_NODES: 'redis://:s3cret@h:6379' });
    expect(mistake).toContain('host:port');
    expect(mistake).not.toContain('s3cret');
  });

  it('has Kafka by its servers, with credentials in pairs', () => {
    const kafka = { QUEUE_TYPE: 'kafka', KAFKA_BOOTSTRAP_SERVERS: 'a:9092,b:9092' };
    expect(
      loadConfig({ ...kafka, KAFKA_RETENTION_MS: '3600000', KAFKA_TLS: 'true' }).queue.kafka,
    ).toMatchObject({
      brokers: [
        { host: 'a', port: 9092 },
        { host: 'b', port: 9092 },
      ],
      ...{ retentionMs: 3_600_000, partitions: 12, replication: 1, sasl: null, tls: { caFile: null } },
    });
    expect(mistakesOf({ ...kafka, KAFKA_SASL_USERNAME: 'me' })).toHaveLength(1);
    expect(mistakesOf({ ...kafka, KAFKA_TLS: 'true', KAFKA_TLS_CERT_FILE: 'x' })).toHaveLength(1);
  });

  it('takes addresses and networks as proxies, and origins without a path', () => {
    const { http } = loadConfig({
      TRUSTED_PROXIES: '10.0.0.0/8, ::1, 192.0.2.1',
      CORS_ORIGINS: 'https://a.example,http://localhost:5173',
    });
    expect(http.trustedProxies).toEqual(['10.0.0.0/8', '::1', '192.0.2.1']);
    expect(http.corsOrigins).toEqual(['https://a.example', 'http://localhost:5173']);
    for (const wrong of ['proxy.example', '10.0.0.0/8/8', '10.0.0.0/', '1.2.3', '::1/129', 'true']) {
      expect(mistakesOf({ TRUSTED_PROXIES: wrong })).toHaveLength(1);
    }
    for (const wrong of ['a.example', 'https://a.example/', 'null']) {
      expect(mistakesOf({ CORS_ORIGINS: wrong })).toHaveLength(1);
    }
  });
});

describe('limits', () => {
  it('are a number and a window, or off', () => {
    const { rateLimits } = loadConfig({ RATE_LIMIT_PER_CUSTOMER: '5/10s', RATE_LIMIT_PER_ADDRESS: 'off' });
    expect(rateLimits.get('customer')).toEqual({ limit: 5, windowMs: 10_000 });
    expect(rateLimits.has('address')).toBe(false);
    expect(rateLimits.get('customer-reads')).toEqual({ limit: 1200, windowMs: 60_000 });
  });

  it.each(['0/60s', '60', '60/0s', '60/1m', '-1/1s', '1000001/1s', '1/86401s', 'none'])(
    '%s is none',
    (text) => {
      expect(mistakesOf({ RATE_LIMIT_PER_CUSTOMER: text })).toEqual([
        expect.stringMatching(/^RATE_LIMIT_PER_CUSTOMER must be off, or a number and a window like 60\/60s/),
      ]);
    },
  );
});

describe('the challenge', () => {
  it('is an endpoint with its secret, or a module, or none', () => {
    expect(loadConfig({}).challenge).toBeNull();
    const url = 'https://challenges.example.org/siteverify';
    expect(loadConfig({ CHALLENGE_URL: url, CHALLENGE_SECRET: 's' }).challenge).toMatchObject({
      by: { kind: 'url', url, secret: 's' },
      onOutage: 'closed',
    });
    expect(loadConfig({ CHALLENGE_MODULE: '/etc/fairline/own.mjs' }).challenge).toMatchObject({
      by: { kind: 'module', file: '/etc/fairline/own.mjs' },
    });
    expect(mistakesOf({ CHALLENGE_URL: url })).toEqual(['CHALLENGE_URL needs CHALLENGE_SECRET']);
    expect(mistakesOf({ CHALLENGE_SITE_KEY: 'k' })).toEqual([
      'CHALLENGE_SITE_KEY needs CHALLENGE_URL or CHALLENGE_MODULE',
    ]);
    expect(mistakesOf({ CHALLENGE_URL: url, CHALLENGE_SECRET: 's', CHALLENGE_MODULE: 'x' })).toEqual([
      'CHALLENGE_URL and CHALLENGE_MODULE are both set: set one',
    ]);
  });
});

describe('Stripe', () => {
  const STRIPE = { PAYMENT_PROVIDER: 'stripe', STRIPE_SECRET_KEY: 'sk_test_abc' };

  it('needs its secret key, and may do without events outside production', () => {
    expect(loadConfig(STRIPE).payment).toMatchObject({
      provider: 'stripe',
      stripe: { secretKey: 'sk_test_abc', webhookSecret: null, apiUrl: null, timeoutMs: 20_000 },
    });
    expect(loadConfig({ ...STRIPE, STRIPE_API_URL: 'http://127.0.0.1:1/' }).payment.stripe?.apiUrl).toBe(
      'http://127.0.0.1:1',
    );
    expect(mistakesOf({ PAYMENT_PROVIDER: 'stripe' })).toEqual([
      'PAYMENT_PROVIDER=stripe needs STRIPE_SECRET_KEY',
    ]);
  });

  it('tells a publishable key from a secret one, and repeats neither', () => {
    const [publishable] = mistakesOf({ ...STRIPE, STRIPE_SECRET_KEY: 'pk_live_hunter2' });
    expect(publishable).toContain('publishable key');
    const others = mistakesOf({ ...STRIPE, STRIPE_SECRET_KEY: 'hunter2', STRIPE_WEBHOOK_SECRET: 'hunter2' });
    expect(others).toHaveLength(2);
    expect([publishable, ...others].join()).not.toContain('hunter2');
    expect(mistakesOf({ ...STRIPE, STRIPE_SECRET_KEY: 'rk_live_abc' })).toEqual([]);
  });

  it('does not stand beside a provider that it has no effect on', () => {
    expect(mistakesOf({ STRIPE_SECRET_KEY: 'sk_live_abc', STRIPE_WEBHOOK_SECRET: 'whsec_a' })).toEqual([
      'STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET have no effect without PAYMENT_PROVIDER=stripe',
    ]);
  });

  it('in production has events, moves money, and is Stripe itself', () => {
    expect(mistakesOf({ ...PRODUCTION, ...STRIPE, STRIPE_API_URL: 'https://stripe.example' })).toEqual([
      'NODE_ENV=production needs STRIPE_WEBHOOK_SECRET',
      'NODE_ENV=production does not take a test key as STRIPE_SECRET_KEY: no money would move',
      'NODE_ENV=production does not take STRIPE_API_URL: what answers there is not Stripe',
    ]);
    const live = { STRIPE_SECRET_KEY: 'sk_live_abc', STRIPE_WEBHOOK_SECRET: 'whsec_abc' };
    expect(mistakesOf({ ...PRODUCTION, ...STRIPE, ...live })).toEqual([]);
  });
});

describe('production', () => {
  const PLAINTEXT =
    'NODE_ENV=production needs GRPC_TLS_CERT_FILE and GRPC_TLS_KEY_FILE, or GRPC_PORT=off: it does not serve gRPC in plain text';
  const NO_MONEY = 'NODE_ENV=production does not take PAYMENT_PROVIDER=sandbox: no money would move';

  it('refuses the embedded database, tokens that nobody signed, CORS for all and payments that are none', () => {
    expect(mistakesOf({ NODE_ENV: 'production', AUTH_REQUIRED: 'false', CORS_ORIGINS: '*' })).toEqual([
      'NODE_ENV=production needs DATABASE_URL',
      'NODE_ENV=production needs JWT_SECRET or JWKS_URL',
      'NODE_ENV=production needs AUTH_REQUIRED=true',
      'NODE_ENV=production needs PUBLIC_URL, and it must begin with https://: tokens travel there',
      'NODE_ENV=production does not take CORS_ORIGINS=*',
      NO_MONEY,
      PLAINTEXT,
    ]);
  });

  it('asks customers for a token without being told', () => {
    expect(mistakesOf(PRODUCTION)).toEqual([NO_MONEY]);
  });

  it.each([
    'change-me-change-me-change-me-change-me',
    'x'.repeat(64),
    '0123'.repeat(16),
    'your-256-bit-secret-here-0123456',
  ])('takes no secret like %p, whatever its length', (JWT_SECRET) => {
    expect(mistakesOf({ ...PRODUCTION, JWT_SECRET })).toEqual([
      'NODE_ENV=production does not take a JWT_SECRET that is not random',
      NO_MONEY,
    ]);
    expect(mistakesOf({ JWT_SECRET })).toEqual([]);
  });

  it('counts the bytes of a secret, and takes one in hexadecimal', () => {
    expect(mistakesOf({ JWT_SECRET: 'ü'.repeat(15) })).toEqual(['JWT_SECRET must have at least 32 bytes']);
    const JWT_SECRET = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';
    expect(mistakesOf({ ...PRODUCTION, JWT_SECRET })).toEqual([NO_MONEY]);
  });

  it('takes no password of a database that anybody would try, but on this machine', () => {
    const of = (DATABASE_URL: string): readonly string[] => mistakesOf({ ...PRODUCTION, DATABASE_URL });
    for (const guessed of ['postgres:postgres@db', 'fairline:Fairline@db', 'ann:ann@10.0.0.1:5432'])
      expect(of(`postgres://${guessed}/fairline`)).toHaveLength(2);
    for (const good of ['ann:8Dq0ciDJ@db', 'ann@db', 'postgres:postgres@127.0.0.1:5432'])
      expect(of(`postgres://${good}/fairline`)).toEqual([NO_MONEY]);
  });

  it('sends the secret of a challenge by TLS alone', () => {
    const env = { ...PRODUCTION, CHALLENGE_URL: 'http://challenges.example.org/', CHALLENGE_SECRET: 's' };
    expect(mistakesOf(env)).toContain('NODE_ENV=production needs a CHALLENGE_URL that begins with https://');
  });

  it('asks for keys of an identity provider over TLS, and for whom their tokens must be', () => {
    const { JWT_SECRET: _, ...rest } = PRODUCTION;
    const JWKS_URL = 'https://id.example/jwks.json';
    expect(mistakesOf({ ...rest, JWKS_URL: 'http://id.example/jwks.json' })).toEqual([
      'NODE_ENV=production needs a JWKS_URL that begins with https://',
      'NODE_ENV=production needs JWT_ISSUER and JWT_AUDIENCE beside JWKS_URL',
      NO_MONEY,
    ]);
    const named = { JWT_ISSUER: 'https://id.example', JWT_AUDIENCE: 'fairline' };
    expect(mistakesOf({ ...rest, JWKS_URL, ...named })).toEqual([NO_MONEY]);
  });

  it('takes JWTs only until they expire', () => {
    expect(loadConfig({}).auth.mustExpire).toBe(false);
    const live = {
      PAYMENT_PROVIDER: 'stripe',
      STRIPE_SECRET_KEY: 'sk_live_abc',
      STRIPE_WEBHOOK_SECRET: 'whsec_abc',
    };
    expect(loadConfig({ ...PRODUCTION, ...live }).auth.mustExpire).toBe(true);
  });
});

describe('gRPC', () => {
  const FILES = { GRPC_TLS_CERT_FILE: 'cert.pem', GRPC_TLS_KEY_FILE: 'key.pem' };

  it('is served on a port of its own unless it is off', () => {
    expect(loadConfig({}).grpc).toEqual({
      port: 50_051,
      tls: null,
      serviceNames: [],
      maxMessageBytes: 1_048_576,
      maxConcurrentCalls: 100,
      connectionsPerProcess: 2000,
      connectionsPerAddress: 500,
    });
    expect(loadConfig({ GRPC_PORT: 'off' }).grpc.port).toBeNull();
    expect(mistakesOf({ GRPC_PORT: 'on' })).toHaveLength(1);
  });

  it('has certificates that belong together, and services only where clients show theirs', () => {
    expect(loadConfig(FILES).grpc.tls).toEqual({ certFile: 'cert.pem', keyFile: 'key.pem', caFile: null });
    const { GRPC_TLS_KEY_FILE: _, ...half } = FILES;
    expect(mistakesOf(half)).toEqual(['GRPC_TLS_CERT_FILE and GRPC_TLS_KEY_FILE belong together']);
    expect(mistakesOf({ GRPC_TLS_CA_FILE: 'ca.pem' })).toHaveLength(1);
    expect(mistakesOf({ ...FILES, GRPC_SERVICE_NAMES: 'gateway' })).toHaveLength(1);
    const all = { ...FILES, GRPC_TLS_CA_FILE: 'ca.pem', GRPC_SERVICE_NAMES: 'gateway, worker.internal' };
    expect(loadConfig(all).grpc.serviceNames).toEqual(['gateway', 'worker.internal']);
    expect(mistakesOf({ ...all, GRPC_SERVICE_NAMES: 'a b' })).toHaveLength(1);
  });

  it('is not served in plain text in production, by no role that serves it', () => {
    const { GRPC_PORT: _, ...open } = PRODUCTION;
    const refused = (env: Record<string, string>): boolean =>
      mistakesOf(env).some((mistake) => mistake.includes('plain text'));
    expect(refused(open)).toBe(true);
    expect(refused({ ...open, ...FILES })).toBe(false);
    expect(refused({ ...open, ROLE: 'worker' })).toBe(false);
  });
});
