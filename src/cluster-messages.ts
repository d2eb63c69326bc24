/** What the primary of a cluster and its processes say to each other. Other libraries talk on the same channel. */

/** All that a process needs beyond the configuration, which it reads itself. */
export interface StartOrder {
  readonly kind: 'start';
  readonly role: 'api' | 'worker';
  /** Holds a password: it goes this way, where no list of processes and no environment shows it. */
  readonly databaseUrl: string;
  readonly port: number;
  /** Null: gRPC is not served. */
  readonly grpcPort: number | null;
}
/** Asks whether the process can do its work. */
export interface HealthQuestion {
  readonly kind: 'health';
  readonly id: number;
}
export type Order = StartOrder | HealthQuestion;

export type Report =
  /** It runs and listens to orders. */
  | { readonly kind: 'here' }
  /** It does its work; `url` where it serves. */
  | { readonly kind: 'ready'; readonly url: string | null }
  | { readonly kind: 'health'; readonly id: number; readonly ok: boolean };

/** Null for what is none of ours. */
export function parseOrder(message: unknown): Order | null {
  const { kind, id, role, databaseUrl, port, grpcPort } = membersOf(message);
  if (kind === 'health' && typeof id === 'number') return { kind, id };
  const known = role === 'api' || role === 'worker';
  const isPort = grpcPort === null || typeof grpcPort === 'number';
  return kind === 'start' && known && typeof databaseUrl === 'string' && typeof port === 'number' && isPort
    ? { kind, role, databaseUrl, port, grpcPort }
    : null;
}

/** Null for what is none of ours. */
export function parseReport(message: unknown): Report | null {
  const { kind, id, ok, url } = membersOf(message);
  if (kind === 'here') return { kind };
  if (kind === 'ready' && (url === null || typeof url === 'string')) return { kind, url };
  return kind === 'health' && typeof id === 'number' && typeof ok === 'boolean' ? { kind, id, ok } : null;
}

const membersOf = (message: unknown): Partial<Record<string, unknown>> =>
  typeof message === 'object' && message !== null ? { ...message } : {};
