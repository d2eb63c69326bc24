import { ERRORS } from '../../src/common/errors.js';
import {
  MAX_LISTED_OFFERS,
  MAX_REASONS,
  METRICS,
  type MetricDefinition,
} from '../../src/metrics/catalogue.js';
import { capabilityTable } from './capabilities.js';
import { renderContract } from './contract.js';
import { renderDescriptors } from './descriptors.js';
import { withSection } from './section.js';
import { statusTable } from './statuses.js';

/** Every document that is made from a table in the source, all of it or a part, by its path from the root. */
export const GENERATED: Readonly<Record<string, (current: string) => string>> = {
  'docs/errors.md': renderErrors,
  'docs/metrics.md': renderMetrics,
  'docs/queues.md': renderCapabilities,
  'docs/grpc.md': renderStatuses,
  'src/grpc/contract.generated.ts': renderContract,
  'src/grpc/descriptors.generated.ts': renderDescriptors,
};

const NOTE = '<!-- Made by `npm run docs` from the source. A test compares the two: change the source. -->';

function renderErrors(): string {
  const rows = Object.entries(ERRORS).map(([code, { status, title }]) => [
    `\`${code}\``,
    String(status),
    title,
  ]);
  return `${NOTE}

# Errors

Every refusal is an \`application/problem+json\` document of RFC 9457. Read its \`code\`: a code never changes its
meaning. \`title\` and \`detail\` are for people and may change.

| member | what it is |
|---|---|
| \`type\` | \`urn:fairline:error:\` and the code |
| \`title\`, \`status\` | as in the table below |
| \`code\` | which refusal it is |
| \`detail\` | a sentence about this occurrence, where there is more to say |
| \`instance\` | the path that was asked for |
| \`correlationId\` | the id of the request in our logs; also the header \`X-Request-Id\`, which a caller may send |
| \`errors\` | with \`VALIDATION_FAILED\`: \`[{field, message}]\`, one for everything that is wrong |
| \`retryAfterSeconds\` | how long to wait before trying again; also the header \`Retry-After\` |

Some codes add members of their own:

| code | members |
|---|---|
| \`OFFER_NOT_OPEN\` | \`opensAt\`, \`serverTime\` |
| \`CHECK_IN_PAST\` | \`checkInBefore\`: until when that stay could be asked for; \`serverTime\` |
| \`TOO_FAR_AHEAD\` | \`lastCheckIn\`: the last day on which a stay may begin |
| \`STAY_TOO_SHORT\`, \`STAY_TOO_LONG\` | \`minNights\`; \`maxNights\` |
| \`LIMIT_PER_CUSTOMER\` | \`limit\` |
| \`RATE_LIMITED\` | \`limit\`: its name in docs/rate-limits.md; \`quota\`, \`windowSeconds\`, \`remaining\` |
| \`CHALLENGE_REQUIRED\`, \`CHALLENGE_FAILED\` | \`challenge\`: the \`header\` to send, the \`siteKey\` to show it with |
| \`CAPACITY_BELOW_SOLD\` | \`least\`: what must stay; \`night\`: of a room offer, the first for which it is too little |
| \`OFFER_INVALID\` | \`problem\`, as below |
| \`NOT_REFUNDABLE\` | the terms of the booking (\`refundable\`, \`untilHoursBeforeStart\`, \`refundableUntil\`), \`serverTime\` |
| \`TICKET_ALREADY_REDEEMED\` | \`redeemedAt\` |
| \`METHOD_NOT_ALLOWED\` | \`allow\` |
| \`QUEUE_UNAVAILABLE\` | \`reason\` (\`BROKER_UNREACHABLE\`, for one) |

| \`problem\` of \`OFFER_INVALID\` | what it is |
|---|---|
| \`CLOSES_BEFORE_IT_OPENS\` | the sale would be over before it begins |
| \`OPENS_AFTER_THE_START\` | the event would have begun by then |
| \`HOURS_WITHOUT_REFUND\` | \`untilHoursBeforeStart\` where nothing is refundable |
| \`MIN_NIGHTS_ABOVE_MAX\` | \`minNights\` is more than \`maxNights\` |
| \`NIGHTS_TOO_FAR_AHEAD\` | a night is more than 800 days ahead; \`lastNight\` is the last that may be put on sale |
| \`NOT_OF_THIS_KIND\` | nights for tickets, or \`capacity\` for rooms |
| \`TIME_ZONE_UNKNOWN\` | the database server does not know \`timeZone\`, or not with its summer time: write \`Europe/Paris\`, not \`+01:00\` or \`CET\` |

After \`LINE_FULL\` and \`OVERLOADED\` nothing was done. After \`UNAVAILABLE\` and \`INTERNAL\` that is not known: send
the same request again under the same \`Idempotency-Key\`, and there will be one booking whatever happened.

${table(['code', 'status', 'meaning'], rows)}
`;
}

function renderMetrics(): string {
  const rows = Object.entries<MetricDefinition>(METRICS).map(([name, { kind, help, labels = [] }]) => [
    `\`${name}\``,
    kind,
    labels.map((label) => `\`${label}\``).join(', ') || '–',
    help,
  ]);
  return `${NOTE}

# Metrics

Every role serves \`GET /metrics\` for Prometheus on \`PROMETHEUS_PORT\`, with \`/health/live\` and \`/health/ready\` beside
it. That port is not for the public.

No label holds the id of a user or a booking. The longest ${MAX_LISTED_OFFERS} lines are named by \`offer\`, the rest is counted
together as \`other\`; after ${MAX_REASONS} values of \`reason\` the next are \`OTHER\`.

Counters and histograms are those of one process: add them up over processes. Gauges about lines, stock and the queue
are read from the ledger and the broker when Prometheus asks, at most once a second and for 1.5 seconds at most; every
process says the same, so take the maximum. What could not be read in time is left out and
\`fairline_source_missing\` is 1: alert on it, not on a gauge that seems to be 0.

${table(['name', 'kind', 'labels', 'meaning'], rows)}

Node's own metrics are there too; of these the event-loop delay tells an overloaded process first:
\`nodejs_eventloop_lag_p99_seconds\`, \`nodejs_eventloop_lag_max_seconds\`. \`process_resident_memory_bytes\` and
\`nodejs_heap_size_used_bytes\` show its memory.

Two of these must never move from where they are: \`fairline_invariant_violations\` from 0, and
\`fairline_audit_unsealed_seconds\` to 60 or above.
`;
}

/** One table of a document that is written by hand. */
function renderCapabilities(current: string): string {
  const { head, rows } = capabilityTable();
  return withSection(current, 'capabilities: made by `npm run docs`', table(head, rows));
}

function renderStatuses(current: string): string {
  const { head, rows } = statusTable();
  return withSection(current, 'statuses: made by `npm run docs`', table(head, rows));
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}
