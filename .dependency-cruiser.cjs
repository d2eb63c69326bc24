/** The directions of the design: who may import whom. `npm run lint` checks them. */
const BROKERS = 'src/queue/adapters';

/** A rule: what matches `from` must not import what matches `to`, except what `fromNot` and `toNot` match. */
const forbid = (name, comment, { from, fromNot, to, toNot }) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from, ...(fromNot && { pathNot: fromNot }) },
  to: { path: to, ...(toNot && { pathNot: toNot }) },
});

/** A library that appears in its own places alone; tests, benchmarks and scripts use what they need. */
const confine = (library, places) =>
  forbid(`${library}-in-its-place`, `${library} is imported only by ${places.join(', ')}.`, {
    from: '^src/',
    fromNot: [...places.map((place) => `^${place}`), '\\.spec\\.ts$'],
    to: `(^|/)node_modules/(@types/)?${library}/`,
  });

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Two files that need each other are one file, or three.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'resolvable',
      comment: 'An import that leads nowhere.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    forbid('src-alone', 'The product knows nothing of its tests, benchmarks and scripts.', {
      from: '^src/',
      fromNot: '\\.spec\\.ts$',
      to: '^(test|bench|scripts|docs|examples)/',
    }),
    forbid('main-imports-the-app', 'main reads the configuration, builds the app and listens.', {
      from: '^src/main\\.ts$',
      to: '^src/',
      toNot: ['^src/(run|cluster[a-z-]*)\\.ts$', '^src/(config|common|database)/'],
    }),
    forbid('app-module-alone-imports-the-worker', 'Which role has the worker is decided in one file.', {
      from: '^src/',
      fromNot: ['^src/app\\.module\\.ts$', '^src/worker/'],
      to: '^src/worker/',
    }),
    forbid('nobody-imports-the-app', 'The composition is at the top.', {
      from: '^src/',
      fromNot: ['^src/main\\.ts$', '^src/(app\\.module|configure-app)\\.ts$', '\\.spec\\.ts$'],
      to: '^src/(main|app\\.module)\\.ts$',
    }),
    forbid('queue-knows-no-booking', 'The queue carries; it knows nothing of what it carries.', {
      from: '^src/queue/',
      to: '^src/(booking|worker|realtime|metrics|security)/',
    }),
    {
      name: 'adapters-apart',
      comment: 'An adapter never imports another adapter.',
      severity: 'error',
      from: { path: `^${BROKERS}/([^/]+)/` },
      to: { path: `^${BROKERS}/`, pathNot: `^${BROKERS}/$1/` },
    },
    forbid('adapters-behind-the-port', 'Only the queue module knows which adapters there are.', {
      from: '^src/',
      fromNot: '^src/queue/',
      to: `^${BROKERS}/`,
    }),
    forbid('ledger-decides-alone', 'The ledger needs a database and the words of booking, and nobody else.', {
      from: '^src/booking/ledger/',
      to: '^src/(queue|worker|realtime|metrics|booking/(api|offers)|booking/booking\\.service)',
    }),
    forbid(
      'api-on-top',
      'booking/api → booking.service → ledger, JobQueue, Notifier; the module alone composes.',
      {
        from: '^src/booking/(?!api/|ledger/|booking\\.module\\.ts)',
        to: '^src/booking/api/',
        toNot: '^src/booking/api/dto/',
      },
    ),
    forbid('worker-uses-ports', 'The worker uses the ledger, JobQueue, Notifier and its own ports.', {
      from: '^src/worker/',
      to: '^src/booking/(api/|booking\\.service)',
    }),
    forbid('common-is-common', 'What is common knows no feature.', {
      from: '^src/common/',
      to: '^src/(booking|queue|worker|realtime|metrics|security|database)/',
    }),
    forbid('config-is-first', 'The configuration knows nobody.', {
      from: '^src/config/',
      to: '^src/(?!config/|common/)',
    }),
    confine('pg', ['src/database/', 'src/booking/ledger/']),
    confine('kysely', ['src/database/', 'src/booking/ledger/']),
    confine('bullmq', [`${BROKERS}/bullmq/`]),
    confine('@nestjs/bullmq', [`${BROKERS}/bullmq/`]),
    confine('@bull-board', [`${BROKERS}/bullmq/`]),
    confine('ioredis', [`${BROKERS}/bullmq/`, `${BROKERS}/streams/`, 'src/realtime/', 'src/security/']),
    confine('kafkajs', [`${BROKERS}/kafka/`]),
    confine('stripe', ['src/worker/payment/stripe/']),
    confine('@grpc', ['src/grpc/', 'src/booking/api/grpc/', 'src/remote/']),
    confine('@nestjs/microservices', ['src/grpc/']),
    confine('protobufjs', ['src/grpc/']),
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|node_modules)/' },
    moduleSystems: ['es6', 'cjs'],
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
    },
  },
};
