import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { BookingWorkerRpc } from '../../../src/booking/api/grpc/booking-worker.rpc.js';
import { BookingsRpc } from '../../../src/booking/api/grpc/bookings.rpc.js';
import { RealtimeRpc } from '../../../src/booking/api/grpc/realtime.rpc.js';
import { TicketsRpc } from '../../../src/booking/api/grpc/tickets.rpc.js';
import { ERRORS } from '../../../src/common/errors.js';
import { SERVICES } from '../../../src/grpc/contract.js';
import { RateLimiterRpc } from '../../../src/grpc/rate-limiter.rpc.js';
import { ruleOf } from '../../../src/grpc/rpc.js';
import { GRPC_STATUS } from '../../../src/grpc/status.js';
import { METHODS } from '../../support/grpc.js';

const CONTROLLERS = {
  BookingWorkerService: BookingWorkerRpc,
  TicketService: TicketsRpc,
  BookingService: BookingsRpc,
  RealtimeService: RealtimeRpc,
  RateLimiterService: RateLimiterRpc,
} satisfies Record<(typeof SERVICES)[number], { prototype: object }>;

const document = readFileSync(join(__dirname, '../../../docs/grpc.md'), 'utf8');

describe('the statuses of gRPC', () => {
  it('are given to every code of the catalogue, and to no other', () => {
    expect(Object.keys(GRPC_STATUS).sort()).toEqual(Object.keys(ERRORS).sort());
    for (const name of Object.values(GRPC_STATUS)) expect(status[name]).toBeGreaterThan(0);
  });

  it('let clients send again by themselves only what was not done', () => {
    const unavailable = Object.entries(GRPC_STATUS).filter(([, name]) => name === 'UNAVAILABLE');
    for (const [code] of unavailable)
      expect([code, ERRORS[code as keyof typeof ERRORS].status]).toEqual([code, 503]);
  });
});

describe('every method of the contract', () => {
  it('is served, says who may call it, and is documented as it is', () => {
    const served = Object.entries(CONTROLLERS).flatMap(([service, { prototype }]) =>
      Object.entries(Object.getOwnPropertyDescriptors(prototype)).flatMap(([name, { value }]) => {
        const rule = typeof value === 'function' ? ruleOf(value) : undefined;
        const method = `${service}/${name[0]?.toUpperCase() ?? ''}${name.slice(1)}`;
        return rule === undefined ? [] : [`${method} ${rule.level}`];
      }),
    );
    const documented = [...document.matchAll(/^\| `(\w+\/\w+)` \| (\w+) \|/gm)].map(
      ([, method = '', who = '']) => `${method} ${who}`,
    );
    expect(served.sort()).toEqual(documented.sort());
    expect(served.map((line) => `fairline.v1.${line.split(' ')[0] ?? ''}`)).toEqual([...METHODS].sort());
  });
});
