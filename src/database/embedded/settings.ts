/**
 * Server settings of the embedded database. Durability is PostgreSQL's own, stated here so that no file in the
 * folder can weaken it; the rest makes room for a burst of small commits.
 */
const SETTINGS = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  listen_addresses: '127.0.0.1',
  max_connections: '200',
  shared_buffers: '256MB',
  // Nobody replicates from it: less log for the same durability.
  wal_level: 'minimal',
  max_wal_senders: '0',
  wal_buffers: '16MB',
  min_wal_size: '256MB',
  max_wal_size: '4GB',
  checkpoint_timeout: '15min',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // The server's own log must not repeat statements or rows: they hold personal data.
  log_min_messages: 'fatal',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
} as const;

/** What the system's addresses of local sockets have room for, less the name of the socket's file. */
const MAX_SOCKET_FOLDER_BYTES = 85;

/**
 * The settings as arguments of `postgres`. Besides TCP it listens on a local socket, which costs a client half as
 * much; it lies in the data folder, which nobody else may enter, or is left out where that path is too long.
 */
export function serverArguments(data: string, port: number, withSocket: boolean): string[] {
  const isFit = withSocket && Buffer.byteLength(data) <= MAX_SOCKET_FOLDER_BYTES && !/[",]/.test(data);
  const all = Object.entries({ ...SETTINGS, unix_socket_directories: isFit ? data : '', port: String(port) });
  return ['-D', data, ...all.flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}
