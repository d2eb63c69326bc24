import { bullTables } from '../../support/canary/broker-content.js';
import { describeCanary } from '../../support/canary/describe-canary.js';

/** The other brokers take longer to start: see test/long/canary.spec.ts. */
describeCanary('BullMQ on PostgreSQL', (ground) =>
  Promise.resolve({
    env: {},
    read: bullTables((text) => ground.sql(text)),
    close: () => Promise.resolve(),
  }),
);
