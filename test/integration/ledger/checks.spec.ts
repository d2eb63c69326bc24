import { describeChecks } from './checks/check.js';
import { keys, limits } from './checks/intake.js';
import { order, release, sellOut } from './checks/line.js';
import { money } from './checks/money.js';

jest.setTimeout(60_000);

describeChecks('The order of the line', order);
describeChecks('A sell-out', sellOut);
describeChecks('Leaving the line', release);
describeChecks('Money', money);
describeChecks('Intake', limits);
describeChecks('Idempotency keys', keys);
