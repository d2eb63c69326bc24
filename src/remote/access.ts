import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { type ChannelCredentials, credentials } from '@grpc/grpc-js';
import type { RemoteSettings } from '../config/remote.js';

/**
 * How the channel is secured, from the files as they are now.
 * @throws Error where a file cannot be read or is no certificate
 */
export function channelCredentials(tls: RemoteSettings['tls']): ChannelCredentials {
  if (tls === null) return credentials.createInsecure();
  const read = (file: string | null): Buffer | null => (file === null ? null : readFileSync(file));
  return credentials.createSsl(read(tls.caFile), read(tls.keyFile), read(tls.certFile));
}

/** A file is read again after so long: whoever issues tokens puts new ones there before the old ones end. */
const REREAD_AFTER_MS = 10_000;

/** The JWT that goes with each call. */
export class TokenSource {
  private known: { readonly value: string; readonly at: number } | null = null;

  constructor(
    private readonly from: RemoteSettings['token'],
    /** Monotonic, in ms. */
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Null where there is none. @throws Error where its file cannot be read and never could */
  async current(): Promise<string | null> {
    if (this.from === null) return null;
    if ('value' in this.from) return this.from.value;
    const now = this.now();
    if (this.known !== null && now - this.known.at < REREAD_AFTER_MS) return this.known.value;
    try {
      this.known = { value: (await readFile(this.from.file, 'utf8')).trim(), at: now };
    } catch (error) {
      if (this.known === null) throw error;
    }
    return this.known.value;
  }
}
