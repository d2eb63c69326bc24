import { fromJSON, type Options, type PackageDefinition } from '@grpc/proto-loader';
import { CONTRACT } from './contract.generated.js';

export const PACKAGE = 'fairline.v1';

/** Its services, as clients ask for them. */
export const SERVICES = [
  'BookingWorkerService',
  'TicketService',
  'BookingService',
  'RealtimeService',
  'RateLimiterService',
] as const;
export type ServiceName = (typeof SERVICES)[number];

/** How messages look to us: camelCase, 64-bit numbers and enums as text, what is absent left out. */
const OPTIONS: Options = { longs: String, enums: String, defaults: true };

/** The contract of `proto/fairline/v1`, for servers and clients alike. */
export const contract = (): PackageDefinition => fromJSON(CONTRACT, OPTIONS);
